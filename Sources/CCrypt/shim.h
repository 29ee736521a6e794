// Password hashing by libxcrypt.
#ifndef CCRYPT_SHIM_H
#define CCRYPT_SHIM_H

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

// The system's headers hide it without _DEFAULT_SOURCE.
extern void explicit_bzero(void *memory, size_t count);

// Whether the password has the hash: 1 or 0; -1 when there is no memory, or the hash is of no kind that the library knows.
// Compares all bytes, whatever the first ones say.
static inline int ccrypt_matches(const char *password, const char *hash) {
  struct crypt_data *data = (struct crypt_data *)calloc(1, sizeof(struct crypt_data));
  if (data == NULL) return -1;
  const char *made = crypt_r(password, hash, data);
  int result = -1;
  if (made != NULL && made[0] != '*') {
    size_t length = strlen(hash);
    unsigned char difference = strlen(made) != length;
    if (!difference)
      for (size_t index = 0; index < length; index++) difference |= (unsigned char)(made[index] ^ hash[index]);
    result = difference == 0;
  }
  explicit_bzero(data, sizeof *data);
  free(data);
  return result;
}

#endif

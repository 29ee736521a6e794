// OpenSSL, and the macros of it that Swift cannot see.
#ifndef COPENSSL_SHIM_H
#define COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <string.h>

static const uint64_t copenssl_op_no_renegotiation = SSL_OP_NO_RENEGOTIATION;
static const uint64_t copenssl_op_no_compression = SSL_OP_NO_COMPRESSION;
static const int copenssl_pkey_public_key = EVP_PKEY_PUBLIC_KEY;
static const int copenssl_bio_type_source_sink = BIO_TYPE_SOURCE_SINK;

// A parameter builder keeps the pointer to a name: these last.
static inline const char *copenssl_name_rsa_n(void) { return OSSL_PKEY_PARAM_RSA_N; }
static inline const char *copenssl_name_rsa_e(void) { return OSSL_PKEY_PARAM_RSA_E; }
static inline const char *copenssl_name_group(void) { return OSSL_PKEY_PARAM_GROUP_NAME; }
static inline const char *copenssl_name_pub(void) { return OSSL_PKEY_PARAM_PUB_KEY; }

// Has OpenSSL leave its memory alone at exit, when other threads may still be using it. Counts only as the first call.
static inline int copenssl_outlive_exit(void) { return OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL); }

static inline int copenssl_ctx_set_min_version(SSL_CTX *context, int version) {
  return (int)SSL_CTX_set_min_proto_version(context, version);
}

static inline void copenssl_ctx_set_mode(SSL_CTX *context, long mode) { SSL_CTX_set_mode(context, mode); }

static inline void copenssl_ctx_set_read_ahead(SSL_CTX *context) { SSL_CTX_set_read_ahead(context, 1); }

static inline void copenssl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
  SSL_CTX_set_session_cache_mode(context, mode);
}

static inline int copenssl_set_server_name(SSL *ssl, const char *name) {
  return (int)SSL_set_tlsext_host_name(ssl, name);
}

// What copenssl_certificate_name answers instead of a length.
static const int copenssl_no_name = -1;

static inline int copenssl_copy_string(const ASN1_STRING *string, unsigned char *buffer, int capacity) {
  unsigned char *text = NULL;
  int length = ASN1_STRING_to_UTF8(&text, string);
  int fits = length >= 0 && length <= capacity;
  if (fits) memcpy(buffer, text, (size_t)length);
  OPENSSL_free(text);
  return fits ? length : copenssl_no_name;
}

// Copies the first alternative name that is a DNS name, URI or mail address; where there is none, the one common name.
// Answers its length in bytes, which may hold anything, or copenssl_no_name.
static inline int copenssl_certificate_name(X509 *certificate, unsigned char *buffer, int capacity) {
  int found = 0;
  GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, &found, NULL);
  // -1 is no such extension; another absence is one that cannot be read.
  if (names == NULL && found != -1) return copenssl_no_name;
  int length = copenssl_no_name;
  int isNamed = 0;
  for (int index = 0; index < sk_GENERAL_NAME_num(names) && !isNamed; index++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL) continue;
    isNamed = 1;
    length = copenssl_copy_string(name->d.ia5, buffer, capacity);
  }
  GENERAL_NAMES_free(names);
  if (isNamed) return length;
  const X509_NAME *subject = X509_get_subject_name(certificate);
  int first = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (first < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, first) >= 0) return copenssl_no_name;
  return copenssl_copy_string(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, first)), buffer, capacity);
}

static inline void copenssl_bio_set_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void copenssl_bio_set_retry_write(BIO *bio) { BIO_set_retry_write(bio); }
static inline void copenssl_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }

#endif

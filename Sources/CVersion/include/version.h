#ifndef CVERSION_H
#define CVERSION_H

/// The commit that this build was made from, or "unknown".
const char *cversion_commit(void);

#endif

#include "version.h"

#ifndef ARTIFACTS_GATEWAY_COMMIT
#define ARTIFACTS_GATEWAY_COMMIT "unknown"
#endif

const char *cversion_commit(void) { return ARTIFACTS_GATEWAY_COMMIT; }

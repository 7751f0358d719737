#pragma once
#include <stdint.h>

enum { DIGESTS = 6 };
struct digest { const char *name; uint64_t (*compute)(unsigned rounds); };
extern const struct digest digests[DIGESTS];

#pragma once
#include <stdint.h>

uint64_t numeric_digest(unsigned rounds);

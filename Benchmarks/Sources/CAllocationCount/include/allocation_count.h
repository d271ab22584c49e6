// SPDX-License-Identifier: Apache-2.0

#pragma once
#include <stdint.h>

/// Calls of malloc, calloc, realloc and their aligned kin by this process so far.
uint64_t allocation_count(void);

/// Takes a value so that the compiler must compute it.
void black_hole(const void *value);

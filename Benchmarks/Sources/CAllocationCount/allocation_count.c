// SPDX-License-Identifier: Apache-2.0

#include "allocation_count.h"
#include <errno.h>
#include <stddef.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *address, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static uint64_t total;

static inline void count_one(void) { __atomic_fetch_add(&total, 1, __ATOMIC_RELAXED); }

void *malloc(size_t size) { count_one(); return __libc_malloc(size); }
void *calloc(size_t count, size_t size) { count_one(); return __libc_calloc(count, size); }
void *realloc(void *address, size_t size) { count_one(); return __libc_realloc(address, size); }
void *memalign(size_t alignment, size_t size) { count_one(); return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { count_one(); return __libc_memalign(alignment, size); }

int posix_memalign(void **result, size_t alignment, size_t size) {
    count_one();
    void *address = __libc_memalign(alignment, size);
    if (address == NULL) return ENOMEM;
    *result = address;
    return 0;
}

uint64_t allocation_count(void) { return __atomic_load_n(&total, __ATOMIC_RELAXED); }

void black_hole(const void *value) { __asm__ volatile("" : : "r"(value) : "memory"); }

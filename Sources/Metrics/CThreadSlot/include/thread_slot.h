// SPDX-License-Identifier: Apache-2.0

#pragma once
// One pointer per thread, read with a single instruction: Swift has no thread-local variables, and a call of
// pthread_getspecific takes longer than the increment it is for.

/// Initial-exec: the library is linked when the program starts, and the loader keeps room for a word in any case.
extern _Thread_local void *thread_slot_value __attribute__((tls_model("initial-exec")));

/// The calling thread's pointer; null in a thread that never set it.
static inline void *thread_slot(void) { return thread_slot_value; }

/// Sets the calling thread's pointer.
static inline void thread_slot_set(void *value) { thread_slot_value = value; }

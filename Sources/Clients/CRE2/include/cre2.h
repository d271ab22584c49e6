// SPDX-License-Identifier: Apache-2.0

#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled expression of RE2; opaque to Swift.
typedef struct cre2_regex cre2_regex;

/// Where a group matched: offsets into the text, both -1 when the group took no part.
typedef struct {
    ptrdiff_t start;
    ptrdiff_t end;
} cre2_span;

/// Compiles `pattern` (UTF-8). On failure returns NULL and writes a NUL-terminated message into `error`.
/// `max_memory` bounds the program and its automaton in bytes.
cre2_regex *cre2_compile(
    const char *pattern, size_t length, bool dot_matches_newline, int64_t max_memory, char *error, size_t error_capacity);
void cre2_free(cre2_regex *regex);

/// Number of capturing groups, not counting the whole match.
int cre2_group_count(const cre2_regex *regex);

/// Number (1-based) of the group called `name`, or -1.
int cre2_group_index(const cre2_regex *regex, const char *name, size_t length);

/// True when the expression matches the whole text.
bool cre2_full_match(const cre2_regex *regex, const char *text, size_t length);

/// Finds the first match at or after `from`; fills `spans` (whole match first). `anchor_both` asks for the whole text.
bool cre2_find(
    const cre2_regex *regex, const char *text, size_t length, size_t from, bool anchor_both, cre2_span *spans, int span_count);

#ifdef __cplusplus
}
#endif

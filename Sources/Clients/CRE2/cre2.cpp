// SPDX-License-Identifier: Apache-2.0

#include "cre2.h"

#include <re2/re2.h>

#include <cstdio>
#include <new>
#include <string>
#include <vector>

// C++ exceptions must not cross into Swift: every entry point catches them and answers "no".

struct cre2_regex {
    re2::RE2 expression;
    cre2_regex(const re2::StringPiece &pattern, const re2::RE2::Options &options) : expression(pattern, options) {}
};

static void write_error(const char *message, char *error, size_t capacity) {
    if (capacity > 0) std::snprintf(error, capacity, "%s", message);
}

cre2_regex *cre2_compile(
    const char *pattern, size_t length, bool dot_matches_newline, int64_t max_memory, char *error, size_t error_capacity) {
    try {
        re2::RE2::Options options;
        options.set_log_errors(false);
        options.set_dot_nl(dot_matches_newline);
        options.set_max_mem(max_memory);
        auto *regex = new cre2_regex(re2::StringPiece(pattern, length), options);
        if (!regex->expression.ok()) {
            write_error(regex->expression.error().c_str(), error, error_capacity);
            delete regex;
            return nullptr;
        }
        return regex;
    } catch (...) {
        write_error("out of memory", error, error_capacity);
        return nullptr;
    }
}

void cre2_free(cre2_regex *regex) { delete regex; }

int cre2_group_count(const cre2_regex *regex) { return regex->expression.NumberOfCapturingGroups(); }

int cre2_group_index(const cre2_regex *regex, const char *name, size_t length) {
    try {
        const auto &groups = regex->expression.NamedCapturingGroups();
        auto found = groups.find(std::string(name, length));
        return found == groups.end() ? -1 : found->second;
    } catch (...) {
        return -1;
    }
}

bool cre2_full_match(const cre2_regex *regex, const char *text, size_t length) {
    try {
        return regex->expression.Match(
            re2::StringPiece(text, length), 0, length, re2::RE2::ANCHOR_BOTH, nullptr, 0);
    } catch (...) {
        return false;
    }
}

bool cre2_find(
    const cre2_regex *regex, const char *text, size_t length, size_t from, bool anchor_both, cre2_span *spans,
    int span_count) {
    try {
        if (span_count < 0) return false;
        std::vector<re2::StringPiece> pieces(static_cast<size_t>(span_count));
        const re2::StringPiece whole(text, length);
        if (from > length) return false;
        if (!regex->expression.Match(
                whole, from, length, anchor_both ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED, pieces.data(), span_count))
            return false;
        for (int index = 0; index < span_count; index++) {
            const auto &piece = pieces[static_cast<size_t>(index)];
            if (piece.data() == nullptr) {
                spans[index] = {-1, -1};
            } else {
                spans[index] = {piece.data() - text, piece.data() - text + static_cast<ptrdiff_t>(piece.size())};
            }
        }
        return true;
    } catch (...) {
        return false;
    }
}

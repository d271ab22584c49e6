// SPDX-License-Identifier: Apache-2.0

#pragma once
#include <hiredis/hiredis.h>
#include <hiredis/read.h>

/// hiredis' parser with its own reply objects; the default functions have no other way in.
static inline redisReader *chiredis_reader_create(void) { return redisReaderCreate(); }

// SPDX-License-Identifier: Apache-2.0

#include "thread_slot.h"

_Thread_local void *thread_slot_value;

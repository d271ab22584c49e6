// SPDX-License-Identifier: Apache-2.0

#pragma once
// Kernel interfaces that Glibc's module map leaves out, and variadic calls that Swift cannot make.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

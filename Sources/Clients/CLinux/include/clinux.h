// SPDX-License-Identifier: Apache-2.0

#pragma once
// Kernel interfaces that Glibc's module map leaves out, and variadic calls that Swift cannot make.
#include <malloc.h>
#include <netdb.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

/// An event of `epoll_wait` without the kernel's packed layout.
struct clinux_event {
    uint64_t tag;
    uint32_t events;
};

/// A new close-on-exec epoll descriptor, or -1 with `errno`.
int clinux_epoll_create(void);

/// A new non-blocking, close-on-exec event counter, or -1 with `errno`.
int clinux_eventfd_create(void);

/// `epoll_ctl` with the event's parts as arguments.
int clinux_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t tag);

/// Waits for at most `capacity` (up to 64) events; 0 after the timeout or a signal.
int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout_milliseconds);

/// `getaddrinfo`'s answers that glibc shows to GNU programs only.
static const int clinux_eai_nodata = -5;
static const int clinux_eai_addrfamily = -9;

/// Names the calling thread, as `top -H` shows it; longer names are cut to 15 bytes.
int clinux_name_thread(const char *name);

/// A pipe whose ends no other program inherits: `descriptors[0]` is read, `descriptors[1]` written. 0, or -1 with `errno`.
int clinux_pipe(int *descriptors);

/// A spawned program begins in this directory.
int clinux_spawn_in_directory(posix_spawn_file_actions_t *actions, const char *path);

/// Switches a descriptor to non-blocking and close-on-exec.
int clinux_set_nonblocking(int descriptor);

/// Asks for memory that will soon be looked at or written; any address will do, as nothing is read.
static inline void clinux_fetch(const void *address) { __builtin_prefetch(address, 1); }

/// Whether something keeps the wall clock in time: 1 or 0, -1 when the kernel does not say.
int clinux_clock_is_kept(void);

// SPDX-License-Identifier: Apache-2.0

#define _GNU_SOURCE
#include "clinux.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/timex.h>
#include <unistd.h>

int clinux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int clinux_eventfd_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int clinux_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t tag) {
    struct epoll_event event = {.events = events, .data = {.u64 = tag}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int clinux_epoll_wait(int epoll, struct clinux_event *events, int capacity, int timeout_milliseconds) {
    struct epoll_event packed[64];
    int count = epoll_wait(epoll, packed, capacity < 64 ? capacity : 64, timeout_milliseconds);
    for (int index = 0; index < count; index++) {
        events[index].tag = packed[index].data.u64;
        events[index].events = packed[index].events;
    }
    return count < 0 ? 0 : count;
}

int clinux_name_thread(const char *name) {
    char shortened[16];
    snprintf(shortened, sizeof shortened, "%s", name);
    return pthread_setname_np(pthread_self(), shortened);
}

int clinux_set_nonblocking(int descriptor) {
    int flags = fcntl(descriptor, F_GETFL);
    if (flags < 0 || fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) < 0) return -1;
    return fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

int clinux_pipe(int *descriptors) { return pipe2(descriptors, O_CLOEXEC); }

int clinux_spawn_in_directory(posix_spawn_file_actions_t *actions, const char *path) {
    return posix_spawn_file_actions_addchdir_np(actions, path);
}

int clinux_clock_is_kept(void) {
    struct timex state = {0};
    if (adjtimex(&state) < 0) return -1;
    return (state.status & STA_UNSYNC) == 0;
}

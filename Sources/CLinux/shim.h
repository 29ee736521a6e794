// Linux calls that Glibc's overlay hides because they need _GNU_SOURCE.
#ifndef CLINUX_SHIM_H
#define CLINUX_SHIM_H

#include <errno.h>
#include <link.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

extern int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags);
extern int pipe2(int fds[2], int flags);
extern char **environ;
static inline char *const *clinux_environment(void) { return environ; }

#ifndef __USE_GNU
// As in dl_iterate_phdr(3).
struct dl_phdr_info {
  ElfW(Addr) dlpi_addr;
  const char *dlpi_name;
  const ElfW(Phdr) * dlpi_phdr;
  ElfW(Half) dlpi_phnum;
};
extern int dl_iterate_phdr(int (*callback)(struct dl_phdr_info *info, size_t size, void *data), void *data);
#endif

// Gives back the whole pages of what one object maps and never writes: what is relocated lies in segments that are writable.
static inline int clinux_release_object(struct dl_phdr_info *object, size_t size, void *data) {
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int index = 0; index < object->dlpi_phnum; index++) {
    const ElfW(Phdr) *segment = &object->dlpi_phdr[index];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
    uintptr_t begin = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
    uintptr_t end = (object->dlpi_addr + segment->p_vaddr + segment->p_memsz) & ~(page - 1);
    if (begin < end) madvise((void *)begin, end - begin, MADV_DONTNEED);
  }
  return 0;
}

static inline void clinux_release_program(void) { dl_iterate_phdr(clinux_release_object, NULL); }

// Variadic, which Swift does not call.
static inline int clinux_set_dumpable(int is_dumpable) { return prctl(PR_SET_DUMPABLE, is_dumpable, 0, 0, 0); }

// epoll_event is packed on x86_64, so its fields are read and written here.
static inline int clinux_epoll_add(int set, int fd, uint32_t events, uint64_t data) {
  struct epoll_event event = {.events = events, .data = {.u64 = data}};
  return epoll_ctl(set, EPOLL_CTL_ADD, fd, &event);
}

static inline int clinux_epoll_delete(int set, int fd) {
  return epoll_ctl(set, EPOLL_CTL_DEL, fd, 0);
}

static inline uint32_t clinux_epoll_events(const struct epoll_event *event) { return event->events; }
static inline uint64_t clinux_epoll_data(const struct epoll_event *event) { return event->data.u64; }

static const uint32_t clinux_epoll_in = EPOLLIN;
static const uint32_t clinux_epoll_out = EPOLLOUT;
static const uint32_t clinux_epoll_rdhup = EPOLLRDHUP;
static const uint32_t clinux_epoll_hup = EPOLLHUP;
static const uint32_t clinux_epoll_err = EPOLLERR;
static const uint32_t clinux_epoll_edge = EPOLLET;
static const uint32_t clinux_epoll_exclusive = EPOLLEXCLUSIVE;

// The XSI form, whatever feature macros are in force.
extern int __xpg_strerror_r(int code, char *buffer, size_t size);
static inline void clinux_error_message(int code, char *buffer, size_t size) {
  if (__xpg_strerror_r(code, buffer, size) != 0) buffer[0] = 0;
}

// The user at the other end of a Unix socket. The system's own struct ucred is hidden without _GNU_SOURCE.
static inline int clinux_peer_user(int fd, uid_t *user) {
  struct { pid_t process; uid_t user; gid_t group; } peer;
  socklen_t length = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || length != sizeof peer) return -1;
  *user = peer.user;
  return 0;
}

static inline uint64_t clinux_nanoseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif

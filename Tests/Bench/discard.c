/* Replays one HTTP request on many connections at once and discards the answers without copying them.
 *
 *   discard PORT CONNECTIONS QUESTION-FILE REQUEST-FILE
 *
 * First, and outside of what is timed, each connection asks the question, as git asks for refs before it asks for a pack.
 * The request must ask for `Connection: close`. Prints wall seconds, body bytes of all answers together and the smallest
 * and largest answer, head included. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

struct message {
  char bytes[1 << 20];
  ssize_t length;
};

static void load(struct message *message, const char *path) {
  int file = open(path, O_RDONLY);
  message->length = file < 0 ? -1 : read(file, message->bytes, sizeof message->bytes);
  if (message->length <= 0) fail(path);
  close(file);
}

static void ask(int socket, const struct message *message) {
  if (send(socket, message->bytes, message->length, 0) != message->length) fail("send");
}

/* Whether an answer has come to its end: chunked, or with a length. */
static int is_whole(const char *answer, ssize_t length) {
  const char *body = memmem(answer, length, "\r\n\r\n", 4);
  if (!body) return 0;
  body += 4;
  const char *field = strcasestr(answer, "\ncontent-length:");
  if (field && field < body) return answer + length - body >= atoll(field + 16);
  return length - (body - answer) >= 5 && !memcmp(answer + length - 5, "0\r\n\r\n", 5);
}

static void read_answer(int socket) {
  static char answer[1 << 20];
  ssize_t length = 0;
  while (!is_whole(answer, length)) {
    ssize_t got = recv(socket, answer + length, sizeof answer - 1 - length, 0);
    if (got <= 0) fail("answer to the question");
    length += got;
    answer[length] = 0;
  }
  if (memcmp(answer + 8, " 200", 4)) fail("status of the answer to the question");
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  int count = atoi(argv[2]);
  static struct message question, request;
  load(&question, argv[3]);
  load(&request, argv[4]);

  int poll = epoll_create1(0), *sockets = calloc(count, sizeof(int));
  long long *bytes = calloc(count, sizeof(long long));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < count; i++) {
    sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (sockets[i] < 0 || connect(sockets[i], (struct sockaddr *)&address, sizeof address)) fail("connect");
  }
  for (int i = 0; i < count; i++) ask(sockets[i], &question);
  for (int i = 0; i < count; i++) read_answer(sockets[i]);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  static char head[13];
  for (int i = 0; i < count; i++) {
    ask(sockets[i], &request);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    if (epoll_ctl(poll, EPOLL_CTL_ADD, sockets[i], &event)) fail("epoll_ctl");
  }
  int open_count = count;
  while (open_count) {
    struct epoll_event events[64];
    int ready = epoll_wait(poll, events, 64, 60000);
    if (ready == 0) errno = ETIMEDOUT;
    if (ready <= 0) fail("epoll_wait");
    for (int e = 0; e < ready; e++) {
      int i = events[e].data.u32;
      if (bytes[i] == 0) {
        if (recv(sockets[i], head, 12, MSG_WAITALL) != 12 || memcmp(head + 8, " 200", 4)) {
          fprintf(stderr, "answer: %s\n", head);
          return 1;
        }
        bytes[i] = 12;
        continue;
      }
      /* With MSG_TRUNC, tcp(7) throws the bytes away instead of copying them. */
      ssize_t got = recv(sockets[i], NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
      if (got < 0 && errno == EAGAIN) continue;
      if (got < 0) fail("recv");
      bytes[i] += got;
      if (got == 0) {
        close(sockets[i]);
        open_count--;
      }
    }
  }
  clock_gettime(CLOCK_MONOTONIC, &end);
  long long total = 0, least = bytes[0], most = bytes[0];
  for (int i = 0; i < count; i++) {
    total += bytes[i];
    if (bytes[i] < least) least = bytes[i];
    if (bytes[i] > most) most = bytes[i];
  }
  printf("%.6f %lld %lld %lld\n", (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9, total, least, most);
  return 0;
}

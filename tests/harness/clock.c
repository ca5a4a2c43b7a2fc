/* Moves the clock of a program that preloads this library by the seconds in the file CLOCK_FILE. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *time) {
  long seconds = 0, result = syscall(SYS_clock_gettime, clock, time);
  const char *path = getenv("CLOCK_FILE");
  FILE *file = clock == CLOCK_REALTIME && path ? fopen(path, "r") : NULL;
  if (file) {
    if (fscanf(file, "%ld", &seconds) == 1) time->tv_sec += seconds;
    fclose(file);
  }
  return result;
}

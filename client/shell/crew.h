/* crew.h -- threads that work off a queue of jobs: the -t and -q of put, get and cp.
 *
 * A job goes to the first thread that is free.  When the queue is full whoever brings a job does it
 * itself, as Hadoop's CallerRunsPolicy has it, so that nothing piles up.
 *
 * Thread:  crew_give, _wait and _free are the shell's one thread; @work runs on any.
 * Memory:  a job belongs to @work from the moment that it is given.
 */
#ifndef DFS_CLIENT_SHELL_CREW_H
#define DFS_CLIENT_SHELL_CREW_H

struct crew;

/* NULL when no thread can be had. */
struct crew *crew_new(int threads, int queue_max, void (*work)(void *job));
void crew_give(struct crew *crew, void *job);
void crew_wait(struct crew *crew); /* until all that was given is done */
void crew_free(struct crew *crew); /* waits too */

#endif

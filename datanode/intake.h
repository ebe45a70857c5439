/* intake.h -- the receiving side of a data connection: one buffer, as few reads as can be.
 *
 * What has arrived lies in one piece; intake_need() waits until so much is there.
 *
 * Thread:  the connection's.
 */
#ifndef DFS_DATANODE_INTAKE_H
#define DFS_DATANODE_INTAKE_H

#include "common/arena.h"
#include "common/bytes.h"
#include "common/err.h"

struct intake {
    int fd;
    uint8_t *bytes;
    size_t at, end, cap;
    size_t
        bulk; /* when many bytes are expected: a read takes up to so many beyond what is needed */
};

void intake_init(struct intake *in, int fd);
void intake_done(struct intake *in); /* leaves the descriptor alone */

/* Waits until @n bytes are there; ERR_CLOSED when the peer ends before, ERR_TIMEOUT. */
int intake_need(struct intake *in, size_t n, struct err *err);
static inline const uint8_t *intake_at(const struct intake *in)
{
    return in->bytes + in->at;
}
static inline size_t intake_has(const struct intake *in)
{
    return in->end - in->at;
}
void intake_take(struct intake *in, size_t n); /* that were there */
void intake_shrink(struct intake *in);         /* gives back a big buffer that is empty */

/* A delimited message, unpacked into @arena. */
int intake_message(struct intake *in, const ProtobufCMessageDescriptor *type, struct arena *arena,
                   ProtobufCMessage **out, struct err *err);

#endif

/* rpc_raw.h -- for tests of the RPC server: a small server, and a client that may send anything.
 *
 * The server answers protocol "test.Echo", version 3, with these methods (request
 * GetFileInfoRequestProto, answer GetLinkTargetResponseProto; src and targetPath carry the text):
 *   echo  the text back            hold  nothing, until echo_answer_held()
 *   mark  the text back, waiting for the mark that the text's number is
 *   slow  (SLOW) the text back once echo_open_gate() was called
 *   who   "user real ip context"   fail  FileNotFoundException "no TEXT"
 *   big   as many bytes as the text's number says
 *
 * Everything waits at most a few seconds, so that a lost answer is a failed test and no hang.
 */
#ifndef TESTS_UNIT_PROTO_RPC_RAW_H
#define TESTS_UNIT_PROTO_RPC_RAW_H

#include <stdbool.h>

#include "common/bytes.h"
#include "proto/rpc_frame.h"
#include "proto/rpc_server.h"

#define ECHO_PROTOCOL "test.Echo"
enum { ECHO_VERSION = 3 };

/* Starts the server; fields of @o that the test leaves zero get what tests want. */
struct rpc_server *echo_start(struct rpc_server_options o);
int echo_held(int wanted); /* waits until so many calls are held; how many are */
void echo_answer_held(bool newest_first);
void echo_gate(bool open);

struct raw {
    int fd;
    struct buf in;
};

struct raw_reply {
    int32_t call_id;
    uint32_t status, detail;
    char class[128], text[512]; /* text: the exception's, or the answer's */
};

struct raw raw_open(struct rpc_server *s);
void raw_close(struct raw *r);
void raw_send(struct raw *r, const void *bytes, size_t n);
bool raw_ended(struct raw *r);                        /* the server closes within five seconds */
bool raw_reply(struct raw *r, struct raw_reply *out); /* false: none came */
bool raw_silent(struct raw *r); /* nothing is there, after everything sent so far was taken in */

/* Bytes to send. */
void put_hello(struct buf *b, const char *user, const char *real_user);
void put_call(struct buf *b, int32_t id, const char *method, const char *text);
void raw_hello(struct raw *r);
void raw_call(struct raw *r, int32_t id, const char *method, const char *text);

/* A hex sample out of a page of docs/formats: the block after a line "<!-- sample: NAME -->". */
bool doc_sample(const char *page, const char *name, struct buf *out);

#endif

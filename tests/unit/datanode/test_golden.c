/* The very bytes of a Hadoop client go in, the very bytes of a Hadoop datanode come out:
 * docs/formats/data-transfer.md and block-files.md have them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/datanode/dn_world.h"

enum { SAMPLE_MAX = 4096 };
#define ID 1073741826
#define CAPTURED "BP-823866636-127.0.0.1-1795250042517"

static size_t sample(const char *page, const char *name, uint8_t *out)
{
    const char *root = getenv("ROOT");
    char path[300], mark[100], *text = NULL, *at, *end;
    size_t n = 0;

    snprintf(path, sizeof path, "%s/docs/formats/%s", root ? root : ".", page);
    snprintf(mark, sizeof mark, "<!-- sample: %s -->\n```\n", name);
    CU_ASSERT_FATAL(env_read_file(env_posix(), path, 1 << 20, &text, NULL, NULL) == 0);
    at = strstr(text, mark);
    CU_ASSERT_FATAL(at != NULL);
    at += strlen(mark);
    end = strstr(at, "```");
    CU_ASSERT_FATAL(end != NULL);
    while (at < end && n < SAMPLE_MAX) {
        unsigned byte;
        int used;

        if (sscanf(at, "%2x%n", &byte, &used) != 1)
            break;
        out[n++] = (uint8_t)byte;
        at += used;
        while (*at == ' ' || *at == '\n')
            at++;
    }
    free(text);
    return n;
}

static void exchange(uint16_t port, const char *asked, const char *answered)
{
    uint8_t question[SAMPLE_MAX], want[SAMPLE_MAX], got[SAMPLE_MAX] = {0};
    size_t question_n = sample("data-transfer.md", asked, question);
    size_t want_n = sample("data-transfer.md", answered, want);
    struct peer p;

    peer_open(&p, port);
    CU_ASSERT(net_write_full(p.fd, question, question_n, NULL) == 0);
    CU_ASSERT(net_read_full(p.fd, got, want_n, NULL) == 0);
    CU_ASSERT(memcmp(got, want, want_n) == 0);
    peer_close(&p);
}

static void test_a_hadoop_client_gets_the_bytes_of_a_hadoop_datanode(void)
{
    uint8_t want[SAMPLE_MAX], got[SAMPLE_MAX];
    size_t n = sample("block-files.md", "meta", want);
    struct replica_facts f;
    char path[5000];
    struct dn_world w;
    int fd;

    world_open_pool(&w, NULL, CAPTURED);
    exchange(w.dn.data_port, "write-asked", "write-answered");
    exchange(w.dn.data_port, "read-asked", "read-answered");
    CU_ASSERT_FATAL(dataset_facts(w.dn.ds, ID, &f, NULL) == 0);
    CU_ASSERT(f.state == REPLICA_FINALIZED && f.block.bytes == 22 && f.block.stamp == 1002);
    volume_meta_path(f.volume, f.home, ID, 1002, path, sizeof path);
    fd = open(path, O_RDONLY);
    CU_ASSERT(read(fd, got, sizeof got) == (ssize_t)n && memcmp(got, want, n) == 0);
    close(fd);
    world_close(&w);
}

SUITE(dn_golden, TEST(test_a_hadoop_client_gets_the_bytes_of_a_hadoop_datanode))

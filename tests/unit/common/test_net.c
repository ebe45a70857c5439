#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/net.h"
#include "tests/lib/suite.h"

static void test_addresses_are_taken_apart(void)
{
    struct net_addr a;
    struct err err;

    CU_ASSERT(net_addr_parse("nn1:9000", 8020, &a, &err) == 0 && a.port == 9000);
    CU_ASSERT(net_addr_parse("nn1", 8020, &a, &err) == 0 && a.port == 8020);
    CU_ASSERT_STRING_EQUAL(a.host, "nn1");
    CU_ASSERT(net_addr_parse("[::1]:80", 0, &a, &err) == 0 && a.port == 80);
    CU_ASSERT_STRING_EQUAL(a.host, "::1");
    CU_ASSERT(net_addr_parse("nn1:x", 0, &a, &err) == -ERR_ARGUMENT);
    CU_ASSERT(net_addr_parse("nn1:70000", 0, &a, &err) == -ERR_ARGUMENT);
    CU_ASSERT(net_addr_parse("", 0, &a, &err) == -ERR_ARGUMENT);
}

static void test_both_ends_know_each_other(void)
{
    struct net_addr at = {.host = "127.0.0.1"};
    struct err err;
    char ip[64], got[4];
    int l = net_listen(&at, 5, &at.port, &err), c, s;

    CU_ASSERT_FATAL(l >= 0);
    c = net_connect(&at, "127.0.0.3", 5000, &err);
    CU_ASSERT_FATAL(c >= 0);
    s = net_accept(l, &err);
    CU_ASSERT_FATAL(s >= 0);
    net_peer_ip(s, ip, sizeof ip);
    CU_ASSERT_STRING_EQUAL(ip, "127.0.0.3");
    CU_ASSERT(net_write_full(c, "abcd", 4, &err) == 0);
    CU_ASSERT(net_read_full(s, got, 4, &err) == 0 && memcmp(got, "abcd", 4) == 0);
    close(c);
    CU_ASSERT(net_read_full(s, got, 4, &err) == -ERR_CLOSED);
    close(s);
    close(l);
    CU_ASSERT(net_connect(&at, NULL, 1000, &err) == -ERR_CONNECT);
}

static void test_silence_ends_in_a_timeout(void)
{
    struct net_addr at = {.host = "127.0.0.1"};
    struct err err;
    int l = net_listen(&at, 5, &at.port, &err), c;
    char b;

    CU_ASSERT_FATAL(l >= 0);
    c = net_connect(&at, NULL, 50, &err);
    CU_ASSERT_FATAL(c >= 0);
    CU_ASSERT(net_read_full(c, &b, 1, &err) == -ERR_TIMEOUT);
    close(c);
    close(l);
}

SUITE(net, TEST(test_addresses_are_taken_apart), TEST(test_both_ends_know_each_other),
      TEST(test_silence_ends_in_a_timeout));

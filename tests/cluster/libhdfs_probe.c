/* libhdfs_probe -- the libhdfs interface against a running store; prints PASS or FAIL lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hdfs.h"

static int failed;

static void check(int ok, const char *what)
{
    printf("%s libhdfs: %s\n", ok ? "PASS" : "FAIL", what);
    failed |= !ok;
}

static void check_files(hdfsFS fs)
{
    hdfsFile f = hdfsOpenFile(fs, "/hd/f", O_WRONLY, 0, 2, 1 << 20);
    struct hdfsReadStatistics *stats = NULL;
    char buf[32] = {0};

    check(f && hdfsFileIsOpenForWrite(f) && hdfsWrite(fs, f, "hello world", 11) == 11,
          "a file is written");
    check(hdfsRead(fs, f, buf, 1) == -1 && errno == EINVAL, "what is written can't be read");
    check(hdfsHFlush(fs, f) == 0 && hdfsHSync(fs, f) == 0 && hdfsTell(fs, f) == 11, "and flushed");
    check(hdfsCloseFile(fs, f) == 0, "and closed");
    f = hdfsOpenFile(fs, "/hd/f", O_WRONLY | O_APPEND, 0, 0, 0);
    check(f && hdfsWrite(fs, f, "!", 1) == 1 && hdfsCloseFile(fs, f) == 0, "and appended to");
    f = hdfsOpenFile(fs, "/hd/f", O_RDONLY, 0, 0, 0);
    check(f && hdfsAvailable(fs, f) == 12 && hdfsRead(fs, f, buf, 31) == 12 &&
              strcmp(buf, "hello world!") == 0,
          "and read");
    check(hdfsRead(fs, f, buf, 31) == 0, "the end is 0");
    check(hdfsPread(fs, f, 6, buf, 5) == 5 && memcmp(buf, "world", 5) == 0, "in the middle too");
    check(hdfsPreadFully(fs, f, 0, buf, 12) == 0 && hdfsPreadFully(fs, f, 6, buf, 12) == -1,
          "all or nothing");
    check(hdfsSeek(fs, f, 3) == 0 && hdfsTell(fs, f) == 3 && hdfsSeek(fs, f, 13) == -1, "seeks");
    check(hdfsFileGetReadStatistics(f, &stats) == 0 && stats->totalBytesRead >= 12, "statistics");
    hdfsFileFreeReadStatistics(stats);
    check(hdfsCloseFile(fs, f) == 0, "a reader closes");
    check(!hdfsOpenFile(fs, "/hd/none", O_RDONLY, 0, 0, 0) && errno == ENOENT &&
              strstr(hdfsGetLastExceptionRootCause(), "FileNotFoundException"),
          "a missing file is ENOENT, and says so");
    check(!hdfsOpenFile(fs, "/hd/f", O_RDWR, 0, 0, 0) && errno == ENOTSUP, "O_RDWR is ENOTSUP");
}

static void check_names(hdfsFS fs)
{
    hdfsFileInfo *info = hdfsGetPathInfo(fs, "/hd/f");
    char ***hosts;
    int n = 0;

    check(info && info->mKind == kObjectKindFile && info->mSize == 12 && info->mReplication == 2 &&
              info->mBlockSize == 1 << 20 && strncmp(info->mName, "hdfs://", 7) == 0,
          "facts of a file");
    hdfsFreeFileInfo(info, 1);
    check(hdfsExists(fs, "/hd/f") == 0 && hdfsExists(fs, "/hd/none") == -1, "existence");
    info = hdfsListDirectory(fs, "/hd", &n);
    check(info && n == 2 && info[0].mKind == kObjectKindDirectory, "a listing");
    hdfsFreeFileInfo(info, n);
    check(!hdfsListDirectory(fs, "/hd/a/b", &n) && errno == 0 && n == 0, "an empty one");
    hosts = hdfsGetHosts(fs, "/hd/f", 0, 12);
    check(hosts && hosts[0] && hosts[0][0] && !hosts[1], "hosts of a block");
    hdfsFreeHosts(hosts);
    check(hdfsChmod(fs, "/hd/f", 0600) == 0 && hdfsChown(fs, "/hd/f", "alice", NULL) == 0 &&
              hdfsUtime(fs, "/hd/f", 1600000000, -1) == 0 &&
              hdfsSetReplication(fs, "/hd/f", 1) == 0,
          "attributes change");
    info = hdfsGetPathInfo(fs, "/hd/f");
    check(info && info->mPermissions == 0600 && strcmp(info->mOwner, "alice") == 0 &&
              info->mLastMod == 1600000000 && info->mReplication == 1,
          "and are so then");
    hdfsFreeFileInfo(info, 1);
}

static void check_changes(hdfsFS fs)
{
    char cwd[200];

    check(hdfsCopy(fs, "/hd", fs, "/hd2") == 0 && hdfsExists(fs, "/hd2/a/b") == 0,
          "a tree is copied");
    check(hdfsMove(fs, "/hd2", fs, "/hd3") == 0 && hdfsExists(fs, "/hd3/f") == 0 &&
              hdfsExists(fs, "/hd2") == -1,
          "and moved");
    check(hdfsSetWorkingDirectory(fs, "/hd3") == 0 && hdfsRename(fs, "f", "g") == 0 &&
              hdfsExists(fs, "/hd3/g") == 0 && hdfsGetWorkingDirectory(fs, cwd, sizeof cwd) &&
              strstr(cwd, "/hd3"),
          "paths are relative to the working directory");
    check(hdfsDelete(fs, "/hd3", 0) == -1 && hdfsDelete(fs, "/hd3", 1) == 0, "deleted");
    check(hdfsDelete(fs, "/hd3", 1) == -1, "what is gone can't be deleted");
    check(hdfsGetCapacity(fs) > 0 && hdfsGetUsed(fs) >= 0 && hdfsGetDefaultBlockSize(fs) > 0,
          "sizes of the store");
}

int main(void)
{
    struct hdfsBuilder *b = hdfsNewBuilder();
    hdfsFS fs;

    hdfsBuilderSetNameNode(b, "default");
    hdfsBuilderConfSetStr(b, "dfs.replication", "2");
    fs = hdfsBuilderConnect(b);
    check(fs != NULL, "connects");
    if (!fs)
        return 1;
    check(hdfsCreateDirectory(fs, "/hd/a/b") == 0, "directories are made with their parents");
    check_files(fs);
    check_names(fs);
    check_changes(fs);
    hdfsDelete(fs, "/hd", 1);
    check(hdfsDisconnect(fs) == 0, "disconnects");
    return failed;
}

# Makefile -- `make help` lists the targets.
#
#   B=DIR            where things are built (default: build)
#   SAN=address,undefined | thread     with sanitizers, into build-san-...
#   CC=clang, WERROR=1, OPT=-O0
#
# Every .c of a folder goes into that folder's archive, but for those in PROGRAM_MAINS, which are
# programs. proto/*.proto become B/gen/*.pb-c.[ch].

SAN ?=
OPT ?= -O2
comma := ,
B ?= build$(if $(SAN),-san-$(subst $(comma),-,$(SAN)))$(if $(filter clang%,$(CC)),-clang)
PKGS := libprotobuf-c libuv libssl libcrypto libcurl jansson expat
# Every x86-64 machine since 2009; without it counting bits is a call.
ARCH ?= $(if $(filter x86_64,$(shell uname -m)),-march=x86-64-v2)
CPPFLAGS := -D_GNU_SOURCE -I. -I$(B)/gen
CFLAGS := -std=gnu11 $(OPT) $(ARCH) -g -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-fno-omit-frame-pointer -fPIC -pthread $(if $(WERROR),-Werror) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=undefined) $(XCFLAGS)
LDFLAGS := -pthread $(if $(SAN),-fsanitize=$(SAN))
LIBS := -lprotobuf-c -luv -lcivetweb -lcurl -ljansson -lexpat -lisal -lssl -lcrypto -lz -ldl -lm

FOLDERS := common proto namenode datanode client compute

# program: the file with its main()
PROGRAMS := namenode datanode scheduler worker dfs job
MAIN_namenode := namenode/main.c
MAIN_datanode := datanode/main.c
MAIN_scheduler := compute/scheduler_main.c
MAIN_worker := compute/worker_main.c
MAIN_dfs := client/dfs_main.c
MAIN_job := compute/job_main.c
# the archives a program links, in order
USES_namenode := namenode proto common
USES_datanode := datanode proto common
USES_scheduler := compute client proto common
USES_worker := compute client proto common
USES_dfs := client proto common
USES_job := compute client proto common

PROTOS := $(wildcard proto/*.proto)
GEN_C := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
GEN_O := $(GEN_C:.c=.o)

MAINS := $(foreach p,$(PROGRAMS),$(MAIN_$(p)))
SRC_of = $(filter-out $(MAINS),$(wildcard $(1)/*.c) $(wildcard $(1)/*/*.c))
OBJ_of = $(patsubst %.c,$(B)/%.o,$(call SRC_of,$(1)))

BINS := $(foreach p,$(PROGRAMS),$(if $(wildcard $(MAIN_$(p))),$(B)/bin/$(p)))

.PHONY: fuzz fuzz-targets fuzz-regress all help clean format lint check unit compile_commands.json install
all: $(BINS) $(if $(wildcard client/hdfs.c),$(B)/lib/libdfs.so)

help:
	@echo 'make                  every program, into $(B)/bin'
	@echo 'make check            everything that is fast: builds, installs what tests need, tests'
	@echo 'make unit             the unit tests alone'
	@echo 'make lint format      checks with cppcheck and shellcheck; formats with clang-format'
	@echo 'make compile_commands.json   for editors'
	@echo 'make fuzz-regress     every fuzz target over its corpus; make fuzz FUZZ_SECONDS=20 finds new inputs'
	@echo 'make bench            the figures and their limits (tests/bench; some want a real Hadoop)'
	@echo 'make clean'
	@echo 'SAN=address,undefined or SAN=thread, CC=clang, WERROR=1, B=DIR change the build'

$(B)/gen/%.pb-c.c $(B)/gen/%.pb-c.h: proto/%.proto
	@mkdir -p $(B)/gen
	protoc-c -Iproto -I/usr/include --c_out=$(B)/gen $<

.SECONDARY: $(GEN_C) $(GEN_H)
$(B)/gen/%.o: $(B)/gen/%.c $(GEN_H)
	$(CC) $(CPPFLAGS) $(CFLAGS) -I$(B)/gen -Wno-shadow -c $< -o $@

$(B)/%.o: %.c | $(GEN_H)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

define archive
$(B)/lib$(1).a: $(call OBJ_of,$(1)) $(if $(filter proto,$(1)),$(GEN_O))
	@rm -f $$@
	@mkdir -p $$(@D)
	ar rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call archive,$(f))))

define program
$(B)/bin/$(1): $(patsubst %.c,$(B)/%.o,$(MAIN_$(1))) $(foreach u,$(USES_$(1)),$(B)/lib$(u).a)
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/lib/libdfs.so: $(foreach u,client proto common,$(B)/lib$(u).a) client/libdfs.map
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -o $@ -Wl,--whole-archive $(B)/libclient.a -Wl,--no-whole-archive $(B)/libproto.a $(B)/libcommon.a \
	  -Wl,--version-script=client/libdfs.map $(LIBS)
	ln -sf libdfs.so $(B)/lib/libhdfs.so; ln -sf libdfs.so $(B)/lib/libhdfs.so.0.0.0

# every message and enum there is, for the test that compares them with Hadoop's
$(B)/gen/all_descriptors.h: $(GEN_H)
	grep -ohE 'ProtobufC(Message|Enum)Descriptor +[a-z0-9_]+' $^ | sort -u | \
	  sed -E 's/ProtobufC(Message|Enum)Descriptor +(.*)/\1(\2)/' > $@
$(B)/gen/all_headers.h: $(GEN_H)
	printf '#include "%s"\n' $(notdir $^) > $@
$(B)/tests/unit/proto/test_descriptors.o: $(B)/gen/all_descriptors.h $(B)/gen/all_headers.h

# ---- tests: tests/unit/FOLDER/*.c is one runner for each folder ----
UNITS := $(foreach f,$(FOLDERS),$(if $(wildcard tests/unit/$(f)/*.c),$(f)))
UNIT_USES_common := common
UNIT_USES_proto := proto common
UNIT_USES_namenode := namenode proto common
UNIT_USES_datanode := datanode proto common
UNIT_USES_client := client proto common
UNIT_USES_compute := compute client proto common
TEST_LIB := $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/*.c))
define unit
$(B)/tests/unit-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/$(1)/*.c)) $(TEST_LIB) $(foreach u,$(UNIT_USES_$(1)),$(B)/lib$(u).a)
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ -lcunit $(LIBS)
endef
$(foreach f,$(UNITS),$(eval $(call unit,$(f))))
unit: $(foreach f,$(UNITS),$(B)/tests/unit-$(f))
	@B=$(B) tests/run unit

# helper programs of tests and benches: tests/{cluster,bench,tools}/*.c, one program each
AIDS := $(patsubst %.c,$(B)/%,$(wildcard tests/cluster/*.c tests/bench/*.c))
$(AIDS): $(B)/%: $(B)/%.o $(foreach u,namenode client proto common,$(B)/lib$(u).a)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
aids: $(AIDS)

# fuzz targets: tests/fuzz/fuzz_*.c, linked with libFuzzer (make fuzz) or with a main() that feeds
# them their corpus (make fuzz-regress)
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_ENGINE ?= $(B)/tests/fuzz/regress.o
$(FUZZ): $(B)/%: $(B)/%.o $(filter %.o,$(FUZZ_ENGINE)) $(foreach u,namenode client proto common,$(B)/lib$(u).a)
	$(CC) $(LDFLAGS) $(filter -%,$(FUZZ_ENGINE)) -o $@ $^ $(LIBS)
fuzz-targets: $(FUZZ)
fuzz-regress: fuzz-targets
	@B=$(B) tests/fuzz/run regress
FUZZ_SAN := address,undefined
fuzz:
	@$(MAKE) --no-print-directory CC=clang B=build-fuzz SAN=$(FUZZ_SAN) XCFLAGS=-fsanitize=fuzzer-no-link \
	  FUZZ_ENGINE=-fsanitize=fuzzer fuzz-targets
	@B=build-fuzz tests/fuzz/run fuzz

check:
	@tools/install-deps --tests
	@$(MAKE) --no-print-directory all aids fuzz-targets $(foreach f,$(UNITS),$(B)/tests/unit-$(f))
	@B=$(B) tests/run all

bench: all aids
	@B=$(B) tests/bench/run

# A file is formatted as clang-format says from the day it is listed by git; .proto and .def are not.
C_FILES = $(shell git ls-files '*.c' '*.h')
format:
	clang-format -i $(C_FILES)
lint:
	@tools/lint

compile_commands.json:
	bear -- $(MAKE) -B all

clean:
	rm -rf $(B)

-include $(shell find $(B) -name '*.d' 2>/dev/null)

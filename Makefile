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
LDFLAGS := -pthread $(if $(SAN),-fsanitize=$(SAN)) $(XLDFLAGS)
LIBS := -lprotobuf-c -luv -lcivetweb -lcurl -ljansson -lexpat -lisal -lssl -lcrypto -lz -ldl -lm

FOLDERS := common proto namenode datanode client compute gateway migrate fuse

# program: the file with its main()
PROGRAMS := namenode datanode scheduler worker native-task dfs dfs-migrate job dfs-fuse
MAIN_namenode := namenode/main.c
MAIN_datanode := gateway/datanode_main.c
MAIN_scheduler := compute/scheduler_main.c
MAIN_worker := compute/worker_main.c
MAIN_native-task := compute/native_main.c
MAIN_dfs := client/dfs_main.c
MAIN_dfs-migrate := migrate/main.c
MAIN_job := compute/job_main.c
MAIN_dfs-fuse := fuse/main.c
# the archives a program links, in order
USES_namenode := namenode proto common
USES_datanode := gateway datanode client proto common
USES_scheduler := compute client proto common
USES_worker := compute client proto common
USES_native-task := compute client proto common
USES_dfs := client proto common
USES_dfs-migrate := migrate namenode datanode proto common
USES_job := compute client proto common
USES_dfs-fuse := fuse client proto common
LIBS_dfs-fuse := -lfuse3

PROTOS := $(wildcard proto/*.proto)
GEN_C := $(PROTOS:proto/%.proto=$(B)/gen/%.pb-c.c)
GEN_H := $(GEN_C:.c=.h)
GEN_O := $(GEN_C:.c=.o)

MAINS := $(foreach p,$(PROGRAMS),$(MAIN_$(p)))
SRC_of = $(filter-out $(MAINS),$(wildcard $(1)/*.c) $(wildcard $(1)/*/*.c))
OBJ_of = $(patsubst %.c,$(B)/%.o,$(call SRC_of,$(1)))

BINS := $(foreach p,$(PROGRAMS),$(if $(wildcard $(MAIN_$(p))),$(B)/bin/$(p)))

.PHONY: examples fuzz fuzz-targets fuzz-regress all help clean format lint check heavy tsan asan sanitized unit compile_commands.json install
all: $(BINS) examples $(B)/lib/libdfs.so $(B)/lib/libjvm.so

help:
	@echo 'make                  every program, into $(B)/bin'
	@echo 'make check            everything that is fast: builds, installs what tests need, tests'
	@echo 'make tsan asan        unit tests and clusters with every program under a sanitizer'
	@echo 'make robust           hours of random tests, simulation, faults, fuzzing, coverage; ends with their numbers'
	@echo 'make cover            how much of namenode/ and datanode/ tests reach'
	@echo 'make heavy            tests that take minutes: 1 GiB through Hadoop'\''s shell, a clean Debian'
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
	$(CC) $(LDFLAGS) -o $$@ $$^ $(LIBS_$(1)) $(LIBS)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

$(B)/lib/libdfs.so: $(foreach u,client proto common,$(B)/lib$(u).a) client/libdfs.map
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -o $@ -Wl,--whole-archive $(B)/libclient.a -Wl,--no-whole-archive $(B)/libproto.a $(B)/libcommon.a \
	  -Wl,--version-script=client/libdfs.map $(LIBS)
	ln -sf libdfs.so $(B)/lib/libhdfs.so; ln -sf libdfs.so $(B)/lib/libhdfs.so.0.0.0

# An empty one: pyarrow loads some libjvm.so before libhdfs.so, and looks nothing up in it.
$(B)/lib/libjvm.so:
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -shared -o $@ -x c /dev/null

# jobs in C: docs/examples/native
EXAMPLES := $(patsubst docs/examples/native/%.c,$(B)/examples/%.so,$(wildcard docs/examples/native/*.c))
examples: $(EXAMPLES)
$(B)/examples/%.so: docs/examples/native/%.c compute/job.h $(wildcard docs/examples/native/*.h)
	@mkdir -p $(@D)
	$(CC) -I. $(CFLAGS) -fPIC -shared -o $@ $<

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
UNIT_USES_fuse := fuse client proto common
TEST_LIB := $(patsubst %.c,$(B)/%.o,$(wildcard tests/lib/*.c))
define unit
$(B)/tests/unit-$(1): $(patsubst %.c,$(B)/%.o,$(wildcard tests/unit/$(1)/*.c)) $(TEST_LIB) $(foreach u,$(UNIT_USES_$(1)),$(B)/lib$(u).a)
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ -lcunit $(LIBS)
endef
$(foreach f,$(UNITS),$(eval $(call unit,$(f))))
# programs that try random things for half a minute, over the worlds of the namenode's unit tests: tests/{model,sim}
WORLDS := $(patsubst %,$(B)/tests/unit/namenode/%_world.o,op block)
$(B)/tests/unit-model $(B)/tests/unit-sim: $(B)/tests/unit-%: $(WORLDS) $(TEST_LIB) $(foreach u,namenode proto common,$(B)/lib$(u).a)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS) -o $@ $^ -lcunit $(LIBS)
RANDOM_TESTS := $(notdir $(wildcard tests/model tests/sim))
$(foreach f,$(RANDOM_TESTS),$(eval $(B)/tests/unit-$(f): $(patsubst %.c,$(B)/%.o,$(wildcard tests/$(f)/*.c))))
unit: $(foreach f,$(UNITS) $(RANDOM_TESTS),$(B)/tests/unit-$(f))
	@B=$(B) tests/run unit

# helper programs of tests and benches: tests/{cluster,bench,tools}/*.c, one program each
AIDS := $(patsubst %.c,$(B)/%,$(wildcard tests/cluster/*.c tests/bench/*.c))
$(AIDS): $(B)/%: $(B)/%.o $(foreach u,namenode client proto common,$(B)/lib$(u).a)
	$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
$(B)/tests/bench/fuse_passthrough: LIBS += -lfuse3
# loaded before a daemon's libraries: LD_PRELOAD
$(B)/tests/preload/%.so: tests/preload/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra $(if $(WERROR),-Werror) -fPIC -pthread -shared -o $@ $< -ldl
aids: $(AIDS) $(B)/tests/preload/faulty.so

# fuzz targets: tests/fuzz/fuzz_*.c, linked with libFuzzer (make fuzz) or with a main() that feeds
# them their corpus (make fuzz-regress)
FUZZ := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_ENGINE ?= $(B)/tests/fuzz/regress.o
$(FUZZ): $(B)/%: $(B)/%.o $(filter %.o,$(FUZZ_ENGINE)) $(foreach u,gateway compute namenode datanode client proto common,$(B)/lib$(u).a)
	$(CC) $(LDFLAGS) $(filter -%,$(FUZZ_ENGINE)) -o $@ $^ $(LIBS)
fuzz-targets: $(FUZZ)
fuzz-regress: fuzz-targets
	@B=$(B) tests/fuzz/run regress
FUZZ_SAN := address,undefined
fuzz:
	@$(MAKE) --no-print-directory CC=clang B=build-fuzz SAN=$(FUZZ_SAN) XCFLAGS=-fsanitize=fuzzer-no-link \
	  FUZZ_ENGINE=-fsanitize=fuzzer fuzz-targets
	@B=build-fuzz tests/fuzz/run fuzz

# Without Hadoop's jars the tests that need them are skipped, and say so; CI insists on them (.ci/run).
check:
	@tools/install-deps --tests
	@tools/hadoop-jars > /dev/null || echo 'check: what runs Hadoop itself will be skipped'
	@$(MAKE) --no-print-directory all aids fuzz-targets $(foreach f,$(UNITS) $(RANDOM_TESTS),$(B)/tests/unit-$(f))
	@B=$(B) tests/run all

# what takes minutes: gigabytes, clean machines
heavy: all aids
	@B=$(B) tests/run heavy

# Unit tests and clusters with every program under a sanitizer; minutes.
SANITIZED_TESTS := $(filter-out %/lying_datanode.py %/rpc_hostile.py,$(wildcard tests/cluster/*.sh tests/cluster/*.py))
tsan asan:
	@$(MAKE) --no-print-directory SAN=$(if $(filter tsan,$@),thread,address$(comma)undefined) OPT=-O1 sanitized
sanitized: all aids $(foreach f,$(UNITS),$(B)/tests/unit-$(f))
	@B=$(B) tests/sanitized unit $(SANITIZED_TESTS)

# Lines and branches of namenode/ and datanode/ that unit tests, the model, the simulation and some clusters reach; a quarter of an hour.
COVER_TESTS := $(addprefix tests/cluster/,main_job.sh damage.sh snapshots.sh striped.sh striped_faults.sh striped_orders.sh convert.sh \
    webhdfs.py webhdfs_hostile.py rpc_hostile.py hostile_ports.py writers_die.sh satisfier.sh cached_blocks.sh scanner.sh namenode_web.sh \
    lying_datanode.py client.sh libhdfs.sh data_dirs.sh full_disk.sh reconfigure.sh slow_datanodes.sh trash.sh faults.py) \
  $(addprefix tests/compat/,replica_states.sh short_circuit.sh block_sums.sh striped_recovery.sh writing.sh caching.sh)
cover:
	@$(MAKE) --no-print-directory B=build-cover OPT=-O0 XCFLAGS=--coverage XLDFLAGS=--coverage all aids \
	  $(foreach f,namenode datanode $(RANDOM_TESTS),build-cover/tests/unit-$(f))
	@tools/coverage build-cover $(COVER_TESTS)

# Everything that looks for mistakes, as long as one likes, and the numbers of it at the end: ROBUST_MINUTES (60).
robust: all aids
	@tests/heavy/robust.sh

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

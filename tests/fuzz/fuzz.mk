# SPDX-License-Identifier: MIT
# make fuzzers: the entry points of tests/fuzz with libFuzzer and the sanitizers. Always clang, always their own objects.
# ROOM_SUBJECT.c goes with the C files of that room; what it needs besides stands here.
FUZZ_CC ?= clang
FUZZ_CFLAGS := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer
FUZZ_DIR := $(BUILD)/fuzz
FUZZERS := $(patsubst tests/fuzz/%.c,$(FUZZ_DIR)/%,$(wildcard $(patsubst %,tests/fuzz/%_*.c,policy http1 conn audit cli)))
fuzz_objs = $(patsubst %.c,$(FUZZ_DIR)/obj/%.o,$(1))

$(FUZZ_DIR)/obj/%.o: %.c Makefile tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	@echo "  FUZZ    $<"
	@$(FUZZ_CC) $(BASE) $(FUZZ_CFLAGS) -c $< -o $@

$(filter $(FUZZ_DIR)/policy_%,$(FUZZERS)): $(call fuzz_objs,$(POLICY_C))
$(filter $(FUZZ_DIR)/http1_%,$(FUZZERS)): $(call fuzz_objs,$(HTTP1_C))
$(filter $(FUZZ_DIR)/audit_%,$(FUZZERS)): $(call fuzz_objs,$(AUDIT_C) $(POLICY_C))
# of the command only what the entry point calls
$(filter $(FUZZ_DIR)/cli_%,$(FUZZERS)): $(FUZZ_DIR)/cli.a
$(FUZZ_DIR)/cli.a: $(call fuzz_objs,$(filter-out shim/cli/main.c,$(CLI_C)) $(INNER_C))
	@rm -f $@
	@ar rcs $@ $^
# beside another implementation (libhttp-parser-dev)
$(FUZZ_DIR)/http1_peer: FUZZ_LINK := -lhttp_parser
# the clock, the policy and the engine are the world's
$(filter $(FUZZ_DIR)/conn_%,$(FUZZERS)): $(call fuzz_objs,$(filter-out shim/config.c shim/engine.c shim/relay/%,$(INNER_C)) tests/fuzz/world.c tests/fuzz/world_tls.c)
$(filter $(FUZZ_DIR)/conn_%,$(FUZZERS)): FUZZ_LINK := -Wl,--wrap=real_now

$(FUZZERS): $(FUZZ_DIR)/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(FUZZ_CC) -fsanitize=fuzzer,address,undefined -o $@ $^ $(FUZZ_LINK) -pthread -ldl

.PHONY: fuzzers
fuzzers: $(FUZZERS)
-include $(shell find $(FUZZ_DIR)/obj -name '*.d' 2>/dev/null)

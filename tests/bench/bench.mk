# SPDX-License-Identifier: MIT
# the programs that measure; included by the top Makefile, which has objs, LDBASE and the rule for objects
BENCH := timed calls client client-tls server
bench = $(call objs,$(addprefix tests/bench/,$(1)))

.PHONY: bench
bench: $(addprefix $(BUILD)/bench/,$(BENCH))

$(BUILD)/bench/timed: $(call bench,timed.c daemons.c)
$(BUILD)/bench/calls: $(call bench,calls.c clock.c)
$(BUILD)/bench/client: $(call bench,client.c clock.c link.c link_plain.c)
$(BUILD)/bench/client-tls: $(call bench,client.c clock.c link.c link_tls.c)
$(BUILD)/bench/server: $(call bench,server.c serve.c link.c link_tls.c)
$(BUILD)/bench/client-tls $(BUILD)/bench/server: LDLIBS := -lssl -lcrypto -pthread

$(addprefix $(BUILD)/bench/,$(BENCH)):
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -o $@ $^ $(LDFLAGS) $(LDLIBS)

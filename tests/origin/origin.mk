# SPDX-License-Identifier: MIT
# the scripted test origin; included by the top Makefile, which has objs, LDBASE and the rule for objects
ORIGIN_C := $(wildcard tests/origin/*.c)

$(BUILD)/origin: $(call objs,$(ORIGIN_C))
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -o $@ $^ $(LDFLAGS) -lssl -lcrypto -pthread

# SPDX-License-Identifier: MIT
# the preload that stands below libtlsup.so in tests; included by the top Makefile
BELOW_C := $(wildcard tests/below/*.c)

all: $(BUILD)/below.so
$(BUILD)/below.so: $(call objs,$(BELOW_C))
	@echo "  LINK    $@"
	@$(CC) -shared $(LDBASE) $(LDSO) $(LDSHARED) -Wl,-soname,below.so -o $@ $^ $(LDFLAGS)

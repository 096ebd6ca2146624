# SPDX-License-Identifier: MIT
# make [all] | check | unit | lint | clean      ENGINE=shared|static  SANITIZE=address,undefined
# make install | uninstall      DESTDIR= PREFIX= LIBDIR=, of another word size: CC='gcc -m32' BUILD=build/32 install-objects
# make deb | dist
VERSION := 0.1.0
BUILD ?= build
PREFIX ?= /usr/local
ENGINE ?= shared
SANITIZE ?=
CC ?= gcc

WARN := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wconversion -Werror
CFLAGS ?= -O2 -g
# where Debian has the libraries of one machine, below lib/: what ld.so makes of $LIB there. Empty: there is no such thing
MULTIARCH ?= $(shell $(CC) -print-multiarch 2>/dev/null)
BASE := -std=gnu11 -D_GNU_SOURCE -DTLSUP_VERSION='"$(VERSION)"' -DTLSUP_MULTIARCH='"$(MULTIARCH)"' -I. -I$(BUILD) -fPIC -fvisibility=hidden \
        -fstack-protector-strong -ftls-model=initial-exec $(WARN) -MMD -MP
LDBASE := -Wl,-z,now,-z,relro,-z,noexecstack
ifneq ($(SANITIZE),)
  BASE += -fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
  LDBASE += -fsanitize=$(SANITIZE)
  ifneq ($(shell $(CC) --version | grep -c clang),0)
    LDSHARED := -shared-libasan
  endif
else
  # everything is found at link time: a missing symbol is an error here, not in somebody's process
  LDSO := -Wl,-z,defs
endif

ifeq ($(ENGINE),static)
  ENGINE_LIBS := -l:libssl.a -l:libcrypto.a -Wl,--exclude-libs,ALL -Wl,-Bsymbolic -ldl -pthread
else
  ENGINE_LIBS := -lssl -lcrypto
endif

POLICY_C := $(wildcard policy/*.c)
CLI_C    := $(wildcard shim/cli/*.c)
TLS_C    := $(wildcard shim/tls/*.c) policy/open.c policy/text.c
HTTP1_C  := $(wildcard shim/http1/*.c)
AUDIT_C  := $(wildcard shim/audit/*.c)
NET_C    := $(wildcard shim/net/*.c)
RELAY_C  := shim/relay/program.c shim/relay/far.c
SHIM_C   := $(filter-out $(RELAY_C),$(wildcard shim/*.c shim/conn/*.c shim/hooks/*.c shim/wait/*.c shim/negotiate/*.c \
              shim/relay/*.c))
# what runs when a process starts and ends stands together, at the front: fewer pages of ours are touched
START_C  := $(addprefix shim/,init.c real.c symbols.c table.c config.c hooks/environment.c hooks/numbers.c relay/copy.c \
              wait/wait.c audit/fmt.c)
PURE_C   := $(POLICY_C) $(HTTP1_C) $(AUDIT_C)
# the shim without what it exports: what unit programs and the relay are made of
INNER_C  := $(filter-out shim/hooks/% shim/wait/% shim/init.c,$(SHIM_C)) $(PURE_C)
UNIT_C   := $(wildcard tests/unit/*.c)
TLS_UNIT_C := $(wildcard tests/unit/tls_*.c)
SHIM_UNIT_C := $(wildcard tests/unit/shim_*.c tests/unit/net_*.c)
objs = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_C))
TLS_UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(TLS_UNIT_C))
SHIM_UNITS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(SHIM_UNIT_C))
PLAIN_UNITS := $(filter-out $(TLS_UNITS) $(SHIM_UNITS),$(UNITS))

.PHONY: all product check unit unit-build lint clean clients
.DELETE_ON_ERROR:
all: product $(BUILD)/origin
product: $(BUILD)/libtlsup.so $(BUILD)/libtlsup-tls.so $(BUILD)/libtlsup-relay $(BUILD)/tlsup

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(BASE) $(CFLAGS) -c $< -o $@

# Every process of a tree loads it, and most call nothing of it: libc's functions are found when they are first
# called, and there is one segment less to map. (What a writable table of theirs could be abused for, shim/real.c's
# can as well.) The engine, which few processes load, binds at once.
LDLIGHT := -Wl,-z,lazy,-z,noseparate-code

# the export map of the shim is what syms.def lists, nothing else
IS_32 = $(shell $(CC) $(CFLAGS) -dM -E -x c /dev/null | grep -c '__SIZEOF_POINTER__ 4')
$(BUILD)/libtlsup.map: shim/syms.def shim/syms32.def scripts/exports
	@mkdir -p $(@D)
	@scripts/exports --map $(if $(filter 1,$(IS_32)),--32) >$@

$(BUILD)/libtlsup.so: $(call objs,$(START_C) $(filter-out $(START_C),$(SHIM_C) $(PURE_C))) $(BUILD)/libtlsup.map
	@echo "  LINK    $@"
	@$(CC) -shared $(LDBASE) $(LDLIGHT) $(LDSO) $(LDSHARED) -Wl,-soname,libtlsup.so -Wl,--version-script=$(BUILD)/libtlsup.map \
	  -Wl,-z,nodelete -o $@ $(filter %.o,$^) $(LDFLAGS)

$(BUILD)/libtlsup-tls.so: $(call objs,$(TLS_C))
	@echo "  LINK    $@"
	@$(CC) -shared $(LDBASE) $(LDSO) $(LDSHARED) -Wl,-soname,libtlsup-tls.so -Wl,-z,nodelete -o $@ $^ $(LDFLAGS) $(ENGINE_LIBS)

$(BUILD)/libtlsup-relay: $(call objs,$(RELAY_C) $(INNER_C))
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -pie -o $@ $^ $(LDFLAGS) -pthread -ldl

$(BUILD)/tlsup: $(call objs,$(CLI_C) $(NET_C) $(INNER_C))
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -pie -o $@ $^ $(LDFLAGS) -pthread -ldl

-include tests/origin/origin.mk
-include tests/clients/clients.mk
-include tests/below/below.mk
-include tests/fuzz/fuzz.mk
-include tests/bench/bench.mk

# unit programs: those of the engine link it and OpenSSL, those of the shim all of it that exports nothing, the
# others the pure parts alone
$(SHIM_UNITS): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o \
  $(call objs,$(NET_C) $(INNER_C))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -o $@ $^ $(LDFLAGS) -pthread -ldl
$(TLS_UNITS): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call objs,$(TLS_C))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -o $@ $^ $(LDFLAGS) -lssl -lcrypto -pthread
$(PLAIN_UNITS): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(call objs,$(PURE_C))
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) $(LDBASE) -o $@ $^ $(LDFLAGS) -pthread

unit-build: $(UNITS)
unit: $(UNITS)
	@for u in $(UNITS); do $$u || exit 1; done

check: all
	@scripts/check
lint: all
	@scripts/lint

# Installation. The objects lie where ld.so's $LIB leads, so that LD_PRELOAD='PREFIX/$LIB/tlsup/libtlsup.so' is the right
# one in programs of every word size. Nothing is written to /etc.
LIBDIR ?= $(PREFIX)/lib$(MULTIARCH:%=/%)
OBJECTS := $(DESTDIR)$(LIBDIR)/tlsup
SHARE   := $(DESTDIR)$(PREFIX)/share
.PHONY: install install-objects install-command install-docs uninstall deb dist
install: install-objects install-command install-docs
install-objects: product
	install -d $(OBJECTS)
	install -m 644 $(BUILD)/libtlsup.so $(BUILD)/libtlsup-tls.so $(OBJECTS)/
	install -m 755 $(BUILD)/libtlsup-relay $(OBJECTS)/
install-command: product
	install -D -m 755 $(BUILD)/tlsup $(DESTDIR)$(PREFIX)/bin/tlsup
	install -D -m 644 -t $(SHARE)/man/man1 shim/cli/tlsup.1
	install -D -m 644 -t $(SHARE)/man/man5 policy/tlsup.conf.5
	install -D -m 644 -t $(SHARE)/man/man8 shim/cli/tlsup.8
	install -D -m 644 shim/cli/completion/tlsup.bash $(SHARE)/bash-completion/completions/tlsup
	install -D -m 644 -t $(SHARE)/zsh/site-functions shim/cli/completion/_tlsup
install-docs:
	install -D -m 644 -t $(SHARE)/doc/tlsup README.md LICENSE
	install -D -m 644 -t $(SHARE)/doc/tlsup/examples policy/examples/*.conf
uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/tlsup $(SHARE)/man/man1/tlsup.1 $(SHARE)/man/man5/tlsup.conf.5 \
	  $(SHARE)/man/man8/tlsup.8 $(SHARE)/bash-completion/completions/tlsup $(SHARE)/zsh/site-functions/_tlsup
	rm -rf $(OBJECTS) $(SHARE)/doc/tlsup

# packages, and the source of the last commit: both are the same bytes whoever makes them (scripts/package/)
deb:
	@VERSION=$(VERSION) scripts/package/deb $(BUILD)/package
dist:
	@scripts/package/dist $(BUILD)/dist

clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

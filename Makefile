# chat-server and chat-tui. `make help` lists the targets.

VERSION := 0.1.0
PREFIX  ?= /usr/local
BUILD   ?= build
SAN     ?=

# Every package a target needs, and why. `make deps` installs those that are missing.
define PACKAGES
gcc               the compiler
libc6-dev         the C library
libncurses-dev    the screen
libreadline-dev   line editing
libsqlite3-dev    the log, history and search
libssl-dev        hashes of secrets, later TLS
libunistring-dev  Unicode: validation, widths, line breaks
libcmocka-dev     unit tests
expect            integration tests in a real terminal
tmux              integration tests in a real terminal
endef
define LINT_PACKAGES
clang-format      layout of the code
clang-tidy        static analysis
cppcheck          static analysis
endef

ifneq ($(SAN),)
override BUILD := $(BUILD)/san-$(SAN)
endif

CC       ?= gcc
CPPFLAGS += -D_GNU_SOURCE -DCHAT_VERSION='"$(VERSION)"' -iquote common
CFLAGS   ?= -O2 -g
STRICT   := -std=c17 -Wall -Wextra -Wshadow -Wconversion -Werror -pthread
HARDEN   := -fPIE -fstack-protector-strong -Wformat-security
ifneq ($(SAN),)
SANITIZE := -fsanitize=$(SAN) -fno-omit-frame-pointer
ifneq ($(SAN),thread)
SANITIZE += -fno-sanitize-recover=all
endif
else
HARDEN   += -D_FORTIFY_SOURCE=2
endif
LDFLAGS  += -pthread -pie -Wl,-z,relro,-z,now

SERVER_LIBS := -lsqlite3 -lcrypto -lunistring
CLIENT_LIBS := -lsqlite3 -lncursesw -lreadline -lunistring

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
COMMON  := $(call objects,common)
SERVER  := $(call objects,server)
CLIENT  := $(call objects,client-tui)

all: $(BUILD)/chat-server $(BUILD)/chat-tui ## build both programs (the default)

$(BUILD)/chat-server: $(SERVER) $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)

$(BUILD)/chat-tui: $(CLIENT) $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(STRICT) $(HARDEN) $(CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/*/*.d)

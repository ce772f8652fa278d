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
libxxhash-dev     checksums of the pages of the log
libssl-dev        TLS, keys, hashes of secrets
libsodium-dev     the client: a key locked with a passphrase
libunistring-dev  Unicode: validation, widths, line breaks
libicu-dev        the server: which names look alike
libseccomp-dev    the server: the system calls it keeps
libinih-dev       the server: its configuration file
libmicrohttpd-dev the server: serving what it counts
libsystemd-dev    the server: telling the service manager how it is
libcmocka-dev     unit tests
expect            integration tests in a real terminal
tmux              integration tests in a real terminal
procps            integration tests: finding and ending processes
binutils          integration tests: looking into the built programs
openssl           integration tests: odd certificates
dpkg-dev          make deb: what the programs need
python3-pyte      integration tests: a second terminal to compare with
curl              integration tests: what the server counts
endef
define BENCH_PACKAGES
inspircd          a fast IRC server
ngircd            a small one
nats-server       a broker
weechat-curses    a full-screen client of IRC
irssi             another one
catgirl           a small one, over TLS
endef
define LINT_PACKAGES
clang-format      layout of the code
clang             the warnings of another compiler
clang-tidy        static analysis
cppcheck          static analysis
endef
define FUZZ_PACKAGES
clang             libFuzzer
libclang-rt-dev   libFuzzer, and the sanitizers it runs with
endef

# In parallel unless told otherwise; and when `deps` is asked for too, nothing is compiled before it.
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
endif
DEPS_FIRST := $(filter deps,$(MAKECMDGOALS))

ifneq ($(SAN),)
override BUILD := $(BUILD)/san-$(SAN)
endif

CC       ?= gcc
CPPFLAGS += -D_GNU_SOURCE -DCHAT_VERSION='"$(VERSION)"' -iquote common
CFLAGS   ?= -O2 -g
STRICT   := -std=c17 -Wall -Wextra -Wshadow -Wconversion -Werror -pthread
HARDEN   := -fPIE -fstack-protector-strong -Wformat-security
ifneq ($(SAN),)
CPPFLAGS += -DCHAT_SANITIZED
SANITIZE := -fsanitize=$(SAN) -fno-omit-frame-pointer
ifneq ($(SAN),thread)
SANITIZE += -fno-sanitize-recover=all $(SAN_BUT)
endif
else
HARDEN   += -D_FORTIFY_SOURCE=2
endif
LDFLAGS  += -pthread -pie -Wl,-z,relro,-z,now

SERVER_LIBS := -linih -lseccomp -lsystemd -lmicrohttpd -lsqlite3 -lxxhash -lssl -lcrypto -lunistring -licui18n -licuuc
CLIENT_LIBS := -lsodium -lssl -lcrypto -lsqlite3 -lncursesw -lreadline -lunistring

objects = $(patsubst %.c,$(BUILD)/%.o,$(wildcard $(1)/*.c))
COMMON  := $(call objects,common)
SERVER  := $(call objects,server)
CLIENT  := $(call objects,client-tui)

all: $(BUILD)/chat-server $(BUILD)/chat-tui ## build both programs (the default)

$(BUILD)/chat-server: $(SERVER) $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)

$(BUILD)/chat-tui: $(CLIENT) $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(CLIENT_LIBS)

$(BUILD)/%.o: %.c Makefile | $(DEPS_FIRST)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(STRICT) $(HARDEN) $(CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

-include $(wildcard $(BUILD)/*/*.d $(BUILD)/tests/*/*.d)

UNIT_TESTS := $(patsubst tests/unit/%_test.c,$(BUILD)/tests/unit/%_test,$(wildcard tests/unit/*_test.c))
LIBRARIES  := $(SERVER_LIBS) $(CLIENT_LIBS) -lcmocka

# A unit test may use everything but the two main functions; the linker takes what it needs.
$(BUILD)/tests/all.a: $(COMMON) $(filter-out %/main.o,$(SERVER)) $(filter-out %/main.o,$(CLIENT))
	@mkdir -p $(@D)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/tests/unit/%_test: $(BUILD)/tests/unit/%_test.o $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/tests/%.o: CPPFLAGS += -iquote server -iquote client-tui -iquote tests/unit

# The server with the places in it where a test can make it stall or die.
FAULTY := $(SERVER:$(BUILD)/server/%=$(BUILD)/faulty/server/%)

$(BUILD)/faulty/%.o: %.c Makefile | $(DEPS_FIRST)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -DCHAT_FAULTS $(STRICT) $(HARDEN) $(CFLAGS) $(SANITIZE) -MMD -MP -c -o $@ $<

$(BUILD)/chat-server-faulty: $(FAULTY) $(BUILD)/tests/fault/fault.o $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS)

-include $(wildcard $(BUILD)/faulty/server/*.d)

# Preloaded into the server, makes calls of it fail; it defines what fortified headers would wrap.
INJECT := $(BUILD)/tests/fault/inject.so

$(INJECT): tests/fault/inject.c Makefile | $(DEPS_FIRST)
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE $(STRICT) $(CFLAGS) -U_FORTIFY_SOURCE -fPIC -shared -o $@ $< -ldl

# Small programs the conversations use: a server that says what it is told to, and the like.
TOOLS := $(patsubst tests/tool/%.c,$(BUILD)/tests/tool/%,$(wildcard tests/tool/*.c))

$(BUILD)/tests/tool/%: $(BUILD)/tests/tool/%.o $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lunistring

# A server that means no good, made of a real one, and a terminal that is looked at; clients that mean no good.
MUTANTS := $(BUILD)/tests/hostile/mutants $(BUILD)/tests/hostile/strangers

$(MUTANTS): %: %.o $(patsubst %,$(BUILD)/tests/hostile/%.o,mutate written) $(COMMON)
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ -lssl -lcrypto -lunistring

# The benchmarks' programs; what they share lies beside them.
BENCH_PROGRAMS := fill growth soak idle load openers forwarder client
BENCH_SHARED   := $(filter-out $(BENCH_PROGRAMS:%=%.o),$(notdir $(call objects,tests/bench)))
BENCHES        := $(BENCH_PROGRAMS:%=$(BUILD)/tests/bench/%)

$(BENCHES): %: %.o $(BENCH_SHARED:%=$(BUILD)/tests/bench/%) $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(SERVER_LIBS) -lm

growth: SIZES ?= 10000 100000 1000000 10000000
growth: all $(BENCHES) ## measure how the server grows with its log, up to 10M messages: SIZES="10000 100000"
	tests/growth $(BUILD) $(SIZES)

ROUNDS       ?= 5
SECONDS_EACH ?= 2
race: all $(BENCHES) ## measure the server beside others of its kind (make bench-deps): ROUNDS=5 SECONDS_EACH=2
	tests/bench/race $(BUILD) $(ROUNDS) $(SECONDS_EACH) docs/benchmarks.svg

bench-client: ROUNDS ?= 5
bench-client: MESSAGES ?= 100000
bench-client: all $(BENCHES) ## measure the client beside others of its kind (make bench-deps): ROUNDS=5 MESSAGES=100000
	tests/bench/clients $(BUILD) $(ROUNDS) $(MESSAGES)

bench: SIZES ?= 10000 100000 1000000
bench: MESSAGES ?= 100000
bench: all $(BENCHES) ## run all benchmarks, with the others of make bench-deps: two hours, or ROUNDS=1 SECONDS_EACH=1
	tests/growth $(BUILD) $(SIZES)
	tests/bench/alone $(BUILD) $(ROUNDS)
	tests/bench/race $(BUILD) $(ROUNDS) $(SECONDS_EACH) docs/benchmarks.svg
	tests/bench/clients $(BUILD) $(ROUNDS) $(MESSAGES)

soak: DURATION ?= 300
soak: SEED ?= 1
soak: all $(BENCHES) ## two hundred clients for five minutes: is memory flat? DURATION=SECONDS, SEED=N
	folder=$$(mktemp -d) && mkdir -m 700 $$folder/data && $(BUILD)/tests/bench/fill $$folder/data 100000 50 && { $(BUILD)/tests/bench/soak $(BUILD)/chat-server $$folder/data $(DURATION) $(SEED); \
	    status=$$?; rm -rf $$folder; exit $$status; }

# The fault driver: torture does harm, puppets are the clients it does it to.
TORTURER        := $(BUILD)/tests/torture/torture
TORTURE_PARTS   := $(TORTURER) $(BUILD)/tests/torture/puppet $(BUILD)/tests/torture/clock_shift.so $(BUILD)/chat-server-faulty
TORTURE_OBJECTS := $(patsubst %,$(BUILD)/tests/torture/%.o,torture table stage stage_wait proxy evidence verdict \
                     faults_process faults_network faults_load faults_mixed)

$(TORTURER): $(TORTURE_OBJECTS) $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/tests/torture/puppet: $(BUILD)/tests/torture/puppet.o $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

# Not instrumented: it is loaded into programs that are.
$(BUILD)/tests/torture/clock_shift.so: tests/torture/clock_shift.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(STRICT) $(CFLAGS) -fPIC -shared -o $@ $<

$(BUILD)/tests/unit/verdict_test: $(BUILD)/tests/torture/verdict.o

torture: all $(TORTURE_PARTS) $(INJECT) ## do harm to servers and clients and count what is lost (minutes); TORTURE=FAULT|calls, SEED=N, MARKDOWN=1
ifneq ($(TORTURE),calls)
	$(TORTURER) $(if $(TORTURE),--fault $(TORTURE)) $(if $(SEED),--seed $(SEED)) $(if $(MARKDOWN),--markdown) $(BUILD)
endif
ifeq ($(filter-out calls,$(TORTURE)),)
	tests/torture/calls $(BUILD) all 300 $(SEED)
endif

# Fuzzing. A target is linked with libFuzzer, in a build of its own by clang; and with a main that gives it the corpus, for check.
FUZZ_TARGETS := $(filter-out fuzz replay seeds,$(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c)))
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%-replay)
FUZZ_SEEDS   := $(BUILD)/tests/fuzz/seeds
FUZZ_BUILD   := $(BUILD)/fuzz
# An empty view may be NULL + 0, which C2y defines and gcc's sanitizer lets pass; clang 14's does not.
FUZZ_FLAGS   := CC=clang CFLAGS="-O1 -g -fsanitize=fuzzer-no-link" SAN=address,undefined SAN_BUT=-fno-sanitize=pointer-overflow

$(BUILD)/tests/fuzz/%-replay: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/fuzz.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LIBRARIES)

$(BUILD)/tests/fuzz/%-fuzz: $(BUILD)/tests/fuzz/%.o $(BUILD)/tests/fuzz/fuzz.o $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LIBRARIES)

# What is counted as covered is the product, not the targets.
$(BUILD)/tests/fuzz/%.o: CFLAGS := $(filter-out -fsanitize=fuzzer-no-link,$(CFLAGS))

$(FUZZ_SEEDS).made: $(BUILD)/tests/fuzz/seeds.o $(BUILD)/tests/all.a
	$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $(@:%.made=%.program) $^ $(LIBRARIES)
	$(@:%.made=%.program) $(FUZZ_SEEDS)
	touch $@

fuzz-programs: $(FUZZ_TARGETS:%=$(BUILD)/tests/fuzz/%-fuzz) $(FUZZ_SEEDS).made

fuzz: SECONDS ?= 60
fuzz: deps-fuzz ## fuzz each target: SECONDS=60 TARGETS="frame decode"
	$(MAKE) $(FUZZ_FLAGS) BUILD=$(FUZZ_BUILD) fuzz-programs
	tests/fuzz/run $(FUZZ_BUILD)/san-address,undefined $(SECONDS) $(or $(TARGETS),$(FUZZ_TARGETS))

mutants: SESSIONS ?= 2000
mutants: all $(MUTANTS) ## let the client stand a hostile server, and the server hostile clients: SESSIONS=2000 SEED=N
	MUTANT_SESSIONS=$(SESSIONS) MUTANT_SEED=$(SEED) TEST_SECONDS=$(SESSIONS) tests/run $(BUILD) "hostile_server|hostile_clients"

check: all $(UNIT_TESTS) $(FUZZ_REPLAYS) $(FUZZ_SEEDS).made $(TOOLS) $(MUTANTS) $(TORTURE_PARTS) $(INJECT) $(BENCHES) ## build and run all tests; SAN=address|undefined|thread instruments them
	tests/run $(BUILD)

protocol-doc: $(BUILD)/tests/unit/document_test ## write the tables of docs/protocol.md anew
	UPDATE=1 $<

lint: deps-lint ## clang-format, clang, clang-tidy and cppcheck; each is silent when clean
	clang-format --dry-run -Werror $(SOURCES)
	clang -fsyntax-only $(CPPFLAGS) $(STRICT) $(filter-out tests/%,$(filter %.c,$(SOURCES)))
	clang-tidy --quiet $(filter-out tests/%,$(filter %.c,$(SOURCES))) -- $(CPPFLAGS) $(STRICT) 2> /dev/null
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 --suppress=missingIncludeSystem --suppress=varFuncNullUB -Icommon $(filter %.c,$(filter-out tests/%,$(SOURCES)))

SOURCES := $(wildcard common/*.[ch] server/*.[ch] client-tui/*.[ch] tests/*/*.[ch])

# deps prints what is missing and why, and installs it as root or with sudo; silent when nothing is.
define install-missing
@missing=""; \
while read -r package why; do \
    [ -n "$$package" ] || continue; \
    dpkg-query -W -f '$${Status}' "$$package" 2>/dev/null | grep -q 'ok installed' && continue; \
    echo "missing: $$package ($$why)"; missing="$$missing $$package"; \
done <<< "$$LIST"; \
[ -z "$$missing" ] && exit 0; \
sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $$missing > /dev/null
endef

deps: SHELL := /bin/bash
deps: export LIST := $(PACKAGES)
deps: ## install the Debian packages that are missing
	$(install-missing)

bench-deps: SHELL := /bin/bash
bench-deps: export LIST := $(BENCH_PACKAGES)
bench-deps: ## install the servers and clients that ours are measured beside
	$(install-missing)

deps-lint: SHELL := /bin/bash
deps-lint: export LIST := $(LINT_PACKAGES)
deps-lint:
	$(install-missing)

deps-fuzz: SHELL := /bin/bash
deps-fuzz: export LIST := $(FUZZ_PACKAGES)
deps-fuzz:
	$(install-missing)

run: all ## start a server on 127.0.0.1:8000 if there is none, and the client against it
	@tests/try $(BUILD)

install: all ## install under $(DESTDIR)$(PREFIX)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin share/man/man1 share/man/man8 share/doc/chat-server lib/systemd/system lib/sysusers.d)
	install $(BUILD)/chat-tui $(DESTDIR)$(PREFIX)/bin
	install $(BUILD)/chat-server $(DESTDIR)$(PREFIX)/bin
	install -m 644 docs/chat-tui.1 $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 644 docs/chat-server.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(addprefix docs/,operations.md security.md rights.md alerts.yml dashboard.json) server/service/chat-server.conf $(DESTDIR)$(PREFIX)/share/doc/chat-server
	sed 's|@BIN@|$(PREFIX)/bin|' server/service/chat-server.service > $(DESTDIR)$(PREFIX)/lib/systemd/system/chat-server.service
	install -m 644 server/service/chat-server.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/chat-server.conf

# An upgrade must have a higher number: DEB_VERSION=0.1.1 make deb.
DEB_VERSION ?= $(VERSION)
DEB         := $(BUILD)/chat-server_$(DEB_VERSION)_$(shell dpkg --print-architecture).deb

deb: all ## build a Debian package of both programs and the service
	rm -rf $(BUILD)/deb
	$(MAKE) --no-print-directory install DESTDIR=$(abspath $(BUILD)/deb) PREFIX=/usr > /dev/null
	server/service/debian/build $(abspath $(BUILD)/deb) $(DEB_VERSION) $(DEB)

clean: ## remove what was built, and the data of `make run`
	rm -rf $(BUILD)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1@\2/p' Makefile | sort | column -t -s @

.PHONY: race bench-client bench-deps deb all check fuzz fuzz-programs mutants torture growth bench soak protocol-doc lint deps deps-lint deps-fuzz run install clean help
.DELETE_ON_ERROR:
.SECONDARY:

/* SPDX-License-Identifier: MIT */
/* Who may have written a policy, which file is taken, and what is refused when none is usable: SECURITY A55.
 */
#include "policy/load.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "tests/unit/unit.h"

static char dir[64];
static char sys_path[PATH_MAX], user_path[PATH_MAX];
static struct policy_source source;

static const char *at(const char *name)
{
    static char path[4][PATH_MAX];
    static unsigned n;
    char *out = path[n++ % 4];

    snprintf(out, PATH_MAX, "%s/%s", dir, name);
    return out;
}

static const char *put(const char *path, const char *text)
{
    FILE *f;

    unlink(path);
    f = fopen(path, "w");
    CHECK(f);
    if (!f)
        abort();
    fputs(text, f);
    fclose(f);
    chmod(path, 0644);
    return path;
}

static bool refuses(uint16_t port)
{
    for (size_t i = 0; i < source.n_refused_ports; i++)
        if (source.refused_ports[i] == port)
            return true;
    return source.all_ports_refused;
}

/* Loads `path`: is it refused with these words? NULL: it is taken. */
static void check_file(const char *path, const char *says)
{
    policy_load_file(path, &source, NULL);
    CHECK_INT(source.policy != NULL, says == NULL);
    if (says) {
        if (!strstr(source.error, says))
            fprintf(stderr, "%s: got: %s\n", path, source.error);
        CHECK(strstr(source.error, says));
        CHECK(refuses(80));
    } else {
        CHECK_STR(source.error, "");
        CHECK_INT(source.n_refused_ports, 0);
        CHECK_STR(policy_origin(source.policy), path);
    }
    policy_unref(source.policy);
}

static void check_modes(void)
{
    static const struct {
        mode_t mode;
        const char *says;
    } rows[] = {
        {0644, NULL},
        {0600, NULL},
        {0444, NULL},
        {0664, "is writable by group or others"},
        {0646, "is writable by group or others"},
        {0666, "is writable by group or others"},
        {0755, NULL},
    };
    const char *path = put(at("modes"), "* verify\n");

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        chmod(path, rows[i].mode);
        check_file(path, rows[i].says);
    }
}

static void check_kinds(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path;
    int fd;

    put(at("plain"), "* verify\n");
    check_file(at("plain"), NULL);
    path = at("link");
    CHECK(symlink(at("plain"), path) == 0);
    check_file(path, "is a symbolic link; name the file itself");
    CHECK(mkfifo(at("fifo"), 0600) == 0);
    check_file(at("fifo"), "is not a regular file");
    CHECK(mkdir(at("directory"), 0700) == 0);
    check_file(at("directory"), "is not a regular file");
    check_file("/dev/null", "is not a regular file");
    check_file(at("absent"), "cannot be opened: No such file or directory");
    check_file(at("absent/x"), "cannot be opened: No such file or directory");
    check_file(at("plain/x"), "Not a directory");
    check_file("policy.conf", "is not an absolute path");
    check_file("./policy.conf", "is not an absolute path");
    check_file("", "(empty path): is not an absolute path");
    snprintf(address.sun_path, sizeof(address.sun_path), "%s", at("socket"));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    close(fd);
    check_file(at("socket"), "is not a regular file");
}

/* A directory of the path that others write to, at any depth; sticky ones of root are what /tmp is. */
static void check_parents(void)
{
    char a[PATH_MAX], b[PATH_MAX], file[PATH_MAX], want[PATH_MAX + 64];

    snprintf(a, sizeof(a), "%s", at("a"));
    snprintf(b, sizeof(b), "%s", at("a/b"));
    snprintf(file, sizeof(file), "%s", at("a/b/policy.conf"));
    CHECK(mkdir(a, 0755) == 0 && mkdir(b, 0755) == 0);
    put(file, "* verify\n");
    check_file(file, NULL);
    chmod(b, 0775);
    snprintf(want, sizeof(want), "%s: this directory is writable by group or others", b);
    check_file(file, want);
    chmod(b, 0755);
    chmod(a, 0757);
    snprintf(want, sizeof(want), "%s: this directory is writable by group or others", a);
    check_file(file, want);
    chmod(a, 01777);
    check_file(file, geteuid() == 0 ? NULL : want);
    chmod(a, 0755);
    /* reached through a link: the real directories count */
    CHECK(symlink(b, at("shortcut")) == 0);
    check_file(at("shortcut/policy.conf"), NULL);
    chmod(a, 0777);
    check_file(at("shortcut/policy.conf"), want);
    chmod(a, 0755);
    CHECK(symlink(at("nowhere"), at("dangling")) == 0);
    check_file(at("dangling/policy.conf"), "cannot be opened: No such file or directory");
}

/* Only root can give files away. */
static void check_owners(void)
{
    char inside[PATH_MAX];

    if (geteuid() != 0)
        return;
    put(at("foreign"), "* verify\n");
    CHECK(chown(at("foreign"), 12345, 0) == 0);
    check_file(at("foreign"), "is owned neither by root nor by the effective user, but by uid 12345");
    CHECK(mkdir(at("theirs"), 0755) == 0);
    snprintf(inside, sizeof(inside), "%s", at("theirs/policy.conf"));
    put(inside, "* verify\n");
    CHECK(chown(at("theirs"), 12345, 0) == 0);
    check_file(inside, "is owned neither by root nor by the effective user, but by uid 12345");
    CHECK(chown(at("theirs"), 0, 12345) == 0);
    check_file(inside, NULL);
}

static void check_sizes(void)
{
    const char *path = put(at("big"), "* verify\n#");
    int fd = open(path, O_WRONLY | O_APPEND);
    char block[4096];

    memset(block, 'x', sizeof(block));
    for (size_t size = 10; size < 1 << 20;) {
        size_t n = (1 << 20) - size < sizeof(block) ? (1 << 20) - size : sizeof(block);

        CHECK(write(fd, block, n) == (ssize_t)n);
        size += n;
    }
    check_file(path, NULL);
    CHECK(write(fd, "x", 1) == 1);
    check_file(path, "is larger than 1 MiB");
    close(fd);
    /* a file whose size is a lie: it reads longer than fstat says */
    check_file("/proc/self/status", "/proc");
}

static void check_which(void)
{
    put(user_path, "* may\n");
    unlink(sys_path);
    policy_load(sys_path, NULL, &source);
    CHECK_STR(policy_origin(source.policy), "built-in");
    CHECK(!source.path);
    policy_unref(source.policy);
    policy_load(sys_path, user_path, &source);
    CHECK_STR(policy_origin(source.policy), user_path);
    CHECK_STR(source.path, user_path);
    policy_unref(source.policy);
    /* a system policy that says nothing forbids another one */
    put(sys_path, "* verify\n");
    policy_load(sys_path, user_path, &source);
    CHECK_STR(policy_origin(source.policy), sys_path);
    policy_unref(source.policy);
    put(sys_path, "defaults - user-policy=no\n* verify\n");
    policy_load(sys_path, user_path, &source);
    CHECK_STR(policy_origin(source.policy), sys_path);
    policy_unref(source.policy);
    put(sys_path, "defaults - user-policy=yes\n* verify\n");
    policy_load(sys_path, user_path, &source);
    CHECK_STR(policy_origin(source.policy), user_path);
    policy_unref(source.policy);
    policy_load(sys_path, NULL, &source);
    CHECK_STR(policy_origin(source.policy), sys_path);
    policy_unref(source.policy);
}

/* No silent fall back to a policy that somebody else would have to make. */
static void check_no_fall_back(void)
{
    unlink(sys_path);
    policy_load(sys_path, at("absent"), &source);
    CHECK(!source.policy && strstr(source.error, "absent: cannot be opened"));
    CHECK(refuses(80) && refuses(631) && refuses(3128) && refuses(8080) && !refuses(8000));
    put(user_path, "* maybe\n");
    policy_load(sys_path, user_path, &source);
    CHECK(!source.policy && strstr(source.error, ":1:3: unknown level 'maybe', did you mean 'may'?"));
    put(sys_path, "* nonsense\n");
    put(user_path, "* may\n");
    policy_load(sys_path, user_path, &source);
    CHECK(!source.policy && strstr(source.error, ":1:3: unknown level 'nonsense'"));
    put(sys_path, "defaults - user-policy=yes\n* verify\n");
    chmod(sys_path, 0666);
    policy_load(sys_path, user_path, &source);
    CHECK(!source.policy && strstr(source.error, "writable by group or others"));
    unlink(sys_path);
    CHECK(symlink(at("nowhere"), sys_path) == 0);
    policy_load(sys_path, user_path, &source);
    CHECK(!source.policy && strstr(source.error, "is a symbolic link"));
    /* its directory is a link that leads nowhere: not the same as no system policy */
    policy_load(at("dangling/policy.conf"), user_path, &source);
    CHECK(!source.policy);
    unlink(sys_path);
}

static void check_scan(void)
{
    static const struct {
        const char *text;
        uint16_t ports[6]; /* besides 80 */
        size_t n;
        bool all;
    } rows[] = {
        {"* x\n", {0}, 1, false},        {"a:631 x\nb:8080,9000 verify\n", {631, 8080, 9000}, 4, false},
        {"# a:17\n* x", {17}, 2, false}, {"a:70000,0,5 x", {5}, 2, false},
        {"a:,5 x", {5}, 2, false},       {"x,5 y", {0}, 1, false},
        {"a:* x", {0}, 1, true},         {"a:1,* x", {1}, 2, true},
        {"a:80:80:80 x", {0}, 1, false}, {"[fd00::12]:99 x", {12, 99}, 3, false},
        {"a:", {0}, 1, false},           {"a:12345678901 x", {0}, 1, false},
    };
    char many[1024] = "x ";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        policy_load_file(put(at("scan"), rows[i].text), &source, NULL);
        CHECK(!source.policy && refuses(80));
        CHECK_INT(source.n_refused_ports, rows[i].n);
        CHECK_INT(source.all_ports_refused, rows[i].all);
        for (size_t k = 0; k < 6 && rows[i].ports[k]; k++)
            CHECK(refuses(rows[i].ports[k]));
    }
    for (int i = 1; i <= 64; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), ":%d ", i);
    policy_load_file(put(at("scan"), many), &source, NULL);
    CHECK(!source.policy && source.all_ports_refused);
}

static void check_stamps(void)
{
    struct policy_stamp before[2], after[2];

    unlink(sys_path);
    put(user_path, "* may\n");
    policy_stamp_get(sys_path, user_path, before);
    policy_stamp_get(sys_path, user_path, after);
    CHECK(policy_stamp_equal(before, after));
    CHECK(!before[0].present && before[1].present);
    put(sys_path, "* verify\n");
    policy_stamp_get(sys_path, user_path, after);
    CHECK(!policy_stamp_equal(before, after));
    policy_stamp_get(sys_path, user_path, before);
    put(user_path, "* verify\n");
    policy_stamp_get(sys_path, user_path, after);
    CHECK(!policy_stamp_equal(before, after));
    policy_stamp_get(sys_path, NULL, after);
    CHECK(!after[1].present);
}

/* Nothing stays open. */
static void check_descriptors(int before)
{
    int fd = dup(0);

    CHECK_INT(fd, before);
    close(fd);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

int main(void)
{
    int first;

    snprintf(dir, sizeof(dir), "/tmp/policy_load.XXXXXX");
    if (!mkdtemp(dir))
        abort();
    umask(022);
    first = dup(0);
    close(first);
    snprintf(sys_path, sizeof(sys_path), "%s", at("system.conf"));
    snprintf(user_path, sizeof(user_path), "%s", at("user.conf"));
    check_modes();
    check_kinds();
    check_parents();
    check_owners();
    check_sizes();
    check_which();
    check_no_fall_back();
    check_scan();
    check_stamps();
    check_descriptors(first);
    CHECK(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0);
    return unit_done("policy_load");
}

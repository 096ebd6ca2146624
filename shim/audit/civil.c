/* SPDX-License-Identifier: MIT */
#include "shim/audit/civil.h"

#define DAY            86400U
#define DAYS_400_YEARS 146097U /* the Gregorian calendar repeats after these */

struct civil {
    unsigned year, month, day; /* month and day from 1 */
    unsigned hour, minute, second;
};

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of_month(unsigned year, unsigned month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1U : 0U);
}

static struct civil civil_from_seconds(uint64_t seconds)
{
    uint64_t days = seconds / DAY;
    unsigned rest = (unsigned)(seconds % DAY);
    struct civil c = {
        .year = 1970 + (unsigned)(days / DAYS_400_YEARS) * 400,
        .month = 1,
        .hour = rest / 3600,
        .minute = rest / 60 % 60,
        .second = rest % 60,
    };
    days %= DAYS_400_YEARS;
    for (unsigned n; days >= (n = is_leap(c.year) ? 366 : 365); c.year++)
        days -= n;
    for (unsigned n; days >= (n = days_of_month(c.year, c.month)); c.month++)
        days -= n;
    c.day = (unsigned)days + 1;
    return c;
}

static void time_of_day(struct fmt *f, const struct civil *c)
{
    fmt_u64_fill(f, c->hour, 2, '0');
    fmt_char(f, ':');
    fmt_u64_fill(f, c->minute, 2, '0');
    fmt_char(f, ':');
    fmt_u64_fill(f, c->second, 2, '0');
}

void civil_rfc3339(struct fmt *f, uint64_t seconds, uint32_t microseconds)
{
    struct civil c = civil_from_seconds(seconds);
    fmt_u64_fill(f, c.year, 4, '0');
    fmt_char(f, '-');
    fmt_u64_fill(f, c.month, 2, '0');
    fmt_char(f, '-');
    fmt_u64_fill(f, c.day, 2, '0');
    fmt_char(f, 'T');
    time_of_day(f, &c);
    fmt_char(f, '.');
    fmt_u64_fill(f, microseconds, 6, '0');
    fmt_char(f, 'Z');
}

void civil_rfc3164(struct fmt *f, uint64_t seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = civil_from_seconds(seconds);
    fmt_strn(f, months + (size_t)3 * (c.month - 1), 3);
    fmt_char(f, ' ');
    fmt_u64_fill(f, c.day, 2, ' ');
    fmt_char(f, ' ');
    time_of_day(f, &c);
}

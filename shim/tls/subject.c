/* SPDX-License-Identifier: MIT */
#include "shim/tls/subject.h"

/* X.690 section 8.1.2, and what of it stands in a name (RFC 5280 section 4.1.2.4) */
enum {
    TAG_INTEGER = 0x02,
    TAG_OID = 0x06,
    TAG_UNIVERSAL_STRING = 0x1c,
    TAG_BMP_STRING = 0x1e,
    TAG_SEQUENCE = 0x30,
    TAG_SET = 0x31,
    TAG_VERSION = 0xa0,
};

struct der {
    const uint8_t *at;
    size_t left;
};

/* Takes the header of the next element; *len is what its content should have, there or not. */
static bool take_header(struct der *from, uint8_t *tag, size_t *len)
{
    if (from->left < 2 || (from->at[0] & 0x1f) == 0x1f) /* tags above 30 stand nowhere on the way */
        return false;
    *tag = from->at[0];
    *len = from->at[1];
    size_t header = 2;
    if (*len & 0x80) {
        size_t bytes = *len & 0x7f;
        if (bytes == 0 || bytes > 3 || from->left < 2 + bytes) /* 0: of indefinite length */
            return false;
        *len = 0;
        for (size_t i = 0; i < bytes; i++)
            *len = *len << 8 | from->at[2 + i];
        header += bytes;
    }
    from->at += header;
    from->left -= header;
    return true;
}

static bool take(struct der *from, uint8_t wanted, struct der *content)
{
    uint8_t tag;
    size_t len;
    struct der here = *from;
    if (!take_header(&here, &tag, &len) || tag != wanted || len > here.left)
        return false;
    *content = (struct der){here.at, len};
    *from = (struct der){here.at + len, here.left - len};
    return true;
}

/* Into an element whose end may not be there. */
static bool step_into(struct der *from, uint8_t wanted)
{
    uint8_t tag;
    size_t len;
    return take_header(from, &tag, &len) && tag == wanted;
}

/* ---- a name as a number: FNV-1a of each attribute, and their sum, for a SET has no order ---- */

static uint64_t mix(uint64_t h, uint8_t byte)
{
    return (h ^ byte) * 0x100000001b3ULL;
}

/* White space, letter case and what is not ASCII say nothing: OpenSSL folds the first two, and writes the
 * last as UTF-8, whatever it was. */
static uint64_t mix_character(uint64_t h, uint32_t c)
{
    if (c >= 0x80 || c == ' ' || (c >= '\t' && c <= '\r'))
        return h;
    return mix(h, (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c));
}

static uint64_t mix_value(uint64_t h, uint8_t tag, struct der value)
{
    size_t width = tag == TAG_BMP_STRING ? 2 : tag == TAG_UNIVERSAL_STRING ? 4 : 1;
    for (; value.left >= width; value.at += width, value.left -= width) {
        uint32_t c = 0;
        for (size_t i = 0; i < width; i++)
            c = c << 8 | value.at[i];
        h = mix_character(h, c);
    }
    return h;
}

/* AttributeTypeAndValue */
static bool add_attribute(struct der *set, uint64_t *sum)
{
    struct der pair, oid;
    uint8_t tag;
    size_t len;
    if (!take(set, TAG_SEQUENCE, &pair) || !take(&pair, TAG_OID, &oid) || !take_header(&pair, &tag, &len) ||
        len != pair.left)
        return false;
    uint64_t h = 0xcbf29ce484222325ULL;
    for (; oid.left; oid.at++, oid.left--)
        h = mix(h, *oid.at);
    *sum += mix_value(mix(h, 0), tag, pair);
    return true;
}

bool subject_of_name(const uint8_t *der, size_t len, uint64_t *out)
{
    struct der all = {der, len}, name, set;
    if (!take(&all, TAG_SEQUENCE, &name))
        return false;
    *out = 0;
    while (name.left) {
        if (!take(&name, TAG_SET, &set))
            return false;
        while (set.left)
            if (!add_attribute(&set, out))
                return false;
    }
    return true;
}

/* RFC 5280 section 4.1: Certificate, TBSCertificate, and what stands before the subject. */
bool subject_of_certificate(const uint8_t *der, size_t len, uint64_t *out)
{
    struct der at = {der, len}, skipped;
    bool inside = step_into(&at, TAG_SEQUENCE); /* Certificate */
    if (inside)
        inside = step_into(&at, TAG_SEQUENCE); /* TBSCertificate */
    if (!inside)
        return false;
    take(&at, TAG_VERSION, &skipped);           /* version 1 has none */
    return take(&at, TAG_INTEGER, &skipped) &&  /* serialNumber */
           take(&at, TAG_SEQUENCE, &skipped) && /* signature */
           take(&at, TAG_SEQUENCE, &skipped) && /* issuer */
           take(&at, TAG_SEQUENCE, &skipped) && /* validity */
           subject_of_name(at.at, at.left, out);
}

/* Values and bytes as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/viv/json.h"
#include "proto/wire_check.h"

#define DEPTH_MAX 64

/* What is shared in the value is written out at each place: a few lines of code
 * could ask for more than any memory holds. */
#define VALUES_MAX 2000000

/* How deep, and how many values may still come. */
struct conversion {
    int depth;
    int left;
};

static json_t *convert(struct conversion *c, struct viv_value value);

static json_t *convert_list(struct conversion *c, struct viv_value value)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < viv_value_len(value); i++) {
        json_t *item = convert(c, viv_value_item(value, i));

        if (!item || json_array_append_new(list, item)) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *convert_dict(struct conversion *c, struct viv_value value)
{
    json_t *dict = json_object();

    for (size_t i = 0; dict && i < viv_value_len(value); i++) {
        const char *key = viv_value_text(viv_value_key(value, i));
        json_t *item = key ? convert(c, viv_value_item(value, i)) : NULL;

        if (!item || json_object_set_new(dict, key, item)) {
            json_decref(dict);
            return NULL;
        }
    }
    return dict;
}

static json_t *convert_container(struct conversion *c, struct viv_value value)
{
    json_t *json;

    if (c->depth == DEPTH_MAX)
        return NULL;
    c->depth++;
    json = viv_value_kind(value) == VIV_VALUE_DICT ? convert_dict(c, value)
                                                   : convert_list(c, value);
    c->depth--;
    return json;
}

static json_t *convert(struct conversion *c, struct viv_value value)
{
    if (c->left-- <= 0)
        return NULL;
    switch (viv_value_kind(value)) {
    case VIV_VALUE_NONE:
        return json_null();
    case VIV_VALUE_BOOL:
        return json_boolean(viv_value_bool(value));
    case VIV_VALUE_INT64:
        return json_integer(viv_value_int64(value));
    case VIV_VALUE_FLOAT:
        return isfinite(viv_value_double(value)) ? json_real(viv_value_double(value)) : NULL;
    case VIV_VALUE_TEXT:
        return json_string(viv_value_text(value));
    case VIV_VALUE_LIST:
    case VIV_VALUE_TUPLE:
    case VIV_VALUE_DICT:
        return convert_container(c, value);
    default:
        return NULL;
    }
}

json_t *viv_json_value(struct viv_value value)
{
    struct conversion c = {.left = VALUES_MAX};

    return convert(&c, value);
}

/* RFC 4648. NULL where memory is out. */
static char *base64(const uint8_t *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((len + 2) / 3 * 4 + 1);
    char *at = text;

    for (size_t i = 0; text && i < len; i += 3) {
        uint32_t group = (uint32_t)data[i] << 16;

        group |= i + 1 < len ? (uint32_t)data[i + 1] << 8 : 0;
        group |= i + 2 < len ? data[i + 2] : 0;
        *at++ = digits[group >> 18];
        *at++ = digits[group >> 12 & 63];
        *at++ = i + 1 < len ? digits[group >> 6 & 63] : '=';
        *at++ = i + 2 < len ? digits[group & 63] : '=';
    }
    if (text)
        *at = '\0';
    return text;
}

int viv_json_set_bytes(json_t *object, const char *name, const void *data, size_t len)
{
    char key[64];
    char *text;
    int result;

    if (viv_utf8_valid(data, len))
        return json_object_set_new(object, name, json_stringn(data, len));
    snprintf(key, sizeof(key), "%s_base64", name);
    text = base64(data, len);
    result = text ? json_object_set_new(object, key, json_string(text)) : -1;
    free(text);
    return result;
}

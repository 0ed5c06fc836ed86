/* Value getters over messages that a test builds, and values as JSON. */
#include <math.h>
#include <string.h>

#include "client/viv/json.h"
#include "client/vivarium_value.h"
#include "tests/unit/test.h"
#include "vivarium/v1/scope.pb-c.h"

typedef Vivarium__V1__Value message;

static message value(int kind)
{
    message m = VIVARIUM__V1__VALUE__INIT;

    m.kind_case = (Vivarium__V1__Value__KindCase)kind;
    return m;
}

static message integer(int64_t n)
{
    message m = value(VIVARIUM__V1__VALUE__KIND_INTEGER);

    m.integer = n;
    return m;
}

static message text(const char *s)
{
    message m = value(VIVARIUM__V1__VALUE__KIND_TEXT);

    m.text = (char *)s;
    return m;
}

static message reference(uint32_t index)
{
    message m = value(VIVARIUM__V1__VALUE__KIND_REF);

    m.ref = index;
    return m;
}

static struct viv_value handle(const message *m)
{
    return (struct viv_value){m, NULL};
}

static void test_absent_answers_neutrally(void **state)
{
    struct viv_value none = {0};
    size_t len = 1;

    assert_int_equal(viv_value_kind(none), VIV_VALUE_ABSENT);
    assert_string_equal(viv_value_type(none), "");
    assert_int_equal(viv_value_int64(none), 0);
    assert_null(viv_value_text(none));
    assert_null(viv_value_bytes(none, &len));
    assert_int_equal(len, 0);
    assert_int_equal(viv_value_len(none), 0);
    assert_int_equal(viv_value_kind(viv_value_item(none, 0)), VIV_VALUE_ABSENT);
    assert_int_equal(viv_value_kind(viv_value_get(none, "x")), VIV_VALUE_ABSENT);
}

static void test_kind_that_is_not_known_is_absent(void **state)
{
    message m = value(VIVARIUM__V1__VALUE__KIND__NOT_SET);

    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_ABSENT);
    m = value(VIVARIUM__V1__VALUE__KIND_CONSTANT);
    m.constant = (Vivarium__V1__Constant)77;
    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_ABSENT);
}

static void test_scalars(void **state)
{
    message m = integer(INT64_MIN);

    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_INT64);
    assert_true(viv_value_int64(handle(&m)) == INT64_MIN);
    assert_string_equal(viv_value_type(handle(&m)), "int");
    m = value(VIVARIUM__V1__VALUE__KIND_BOOLEAN);
    m.boolean = 1;
    assert_true(viv_value_bool(handle(&m)));
    assert_int_equal(viv_value_int64(handle(&m)), 1);
    m = value(VIVARIUM__V1__VALUE__KIND_FLOATING);
    m.floating = -0.0;
    assert_true(signbit(viv_value_double(handle(&m))));
    assert_int_equal(viv_value_int64(handle(&m)), 0);
}

static void test_constants(void **state)
{
    message m = value(VIVARIUM__V1__VALUE__KIND_CONSTANT);

    m.constant = VIVARIUM__V1__CONSTANT__CONSTANT_NONE;
    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_NONE);
    m.constant = VIVARIUM__V1__CONSTANT__CONSTANT_ELLIPSIS;
    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_ELLIPSIS);
    m.constant = VIVARIUM__V1__CONSTANT__CONSTANT_NOT_IMPLEMENTED;
    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_NOT_IMPLEMENTED);
}

static void test_empty_bytes_are_not_null(void **state)
{
    message m = value(VIVARIUM__V1__VALUE__KIND_DATA);
    size_t len = 1;

    m.data = (ProtobufCBinaryData){0, NULL};
    assert_non_null(viv_value_bytes(handle(&m), &len));
    assert_int_equal(len, 0);
}

static void test_text_is_also_bytes(void **state)
{
    message m = text("h\u00e9");
    size_t len;

    assert_string_equal(viv_value_text(handle(&m)), "h\u00e9");
    assert_memory_equal(viv_value_bytes(handle(&m), &len), "h\xc3\xa9", 3);
    assert_int_equal(len, 3);
}

static void test_list_gives_items_in_order(void **state)
{
    message one = integer(1);
    message two = integer(2);
    message *items[] = {&one, &two};
    Vivarium__V1__Sequence sequence = VIVARIUM__V1__SEQUENCE__INIT;
    message m = value(VIVARIUM__V1__VALUE__KIND_LIST);

    sequence.items = items;
    sequence.n_items = 2;
    m.list = &sequence;
    assert_int_equal(viv_value_len(handle(&m)), 2);
    assert_int_equal(viv_value_int64(viv_value_item(handle(&m), 1)), 2);
    assert_int_equal(viv_value_kind(viv_value_item(handle(&m), 2)), VIV_VALUE_ABSENT);
    assert_int_equal(viv_value_kind(viv_value_key(handle(&m), 0)), VIV_VALUE_ABSENT);
}

static void test_dict_is_found_by_key_and_tolerates_missing_parts(void **state)
{
    message key = text("a");
    message seven = integer(7);
    Vivarium__V1__Item item = VIVARIUM__V1__ITEM__INIT;
    Vivarium__V1__Item broken = VIVARIUM__V1__ITEM__INIT;
    Vivarium__V1__Item *items[] = {&item, &broken};
    Vivarium__V1__Mapping mapping = VIVARIUM__V1__MAPPING__INIT;
    message m = value(VIVARIUM__V1__VALUE__KIND_DICT);

    item.key = &key;
    item.value = &seven;
    mapping.items = items;
    mapping.n_items = 2;
    m.dict = &mapping;
    assert_int_equal(viv_value_int64(viv_value_get(handle(&m), "a")), 7);
    assert_int_equal(viv_value_kind(viv_value_get(handle(&m), "b")), VIV_VALUE_ABSENT);
    assert_int_equal(viv_value_kind(viv_value_key(handle(&m), 1)), VIV_VALUE_ABSENT);
}

/* x = []; x.append(x), as the graph that it is. */
struct self_containing {
    message inner;
    message *items[1];
    Vivarium__V1__Sequence sequence;
    message list;
    Vivarium__V1__Object object;
    Vivarium__V1__Object *objects[1];
    Vivarium__V1__Graph graph;
    message root;
    message top;
};

static struct viv_value make_self_containing(struct self_containing *s)
{
    s->inner = reference(0);
    s->items[0] = &s->inner;
    vivarium__v1__sequence__init(&s->sequence);
    s->sequence.items = s->items;
    s->sequence.n_items = 1;
    s->list = value(VIVARIUM__V1__VALUE__KIND_LIST);
    s->list.list = &s->sequence;
    vivarium__v1__object__init(&s->object);
    s->object.kind_case = VIVARIUM__V1__OBJECT__KIND_VALUE;
    s->object.value = &s->list;
    s->objects[0] = &s->object;
    vivarium__v1__graph__init(&s->graph);
    s->graph.objects = s->objects;
    s->graph.n_objects = 1;
    s->root = reference(0);
    s->graph.root = &s->root;
    s->top = value(VIVARIUM__V1__VALUE__KIND_GRAPH);
    s->top.graph = &s->graph;
    return handle(&s->top);
}

static void test_list_that_contains_itself_has_one_identity(void **state)
{
    struct self_containing s;
    struct viv_value v = make_self_containing(&s);
    struct viv_value inner = viv_value_item(v, 0);

    assert_int_equal(viv_value_kind(v), VIV_VALUE_LIST);
    assert_int_equal(viv_value_kind(inner), VIV_VALUE_LIST);
    assert_int_equal(viv_value_identity(v), 1);
    assert_int_equal(viv_value_identity(inner), 1);
}

static void test_list_that_contains_itself_is_no_json(void **state)
{
    struct self_containing s;

    assert_null(viv_json_value(make_self_containing(&s)));
}

static void test_reference_in_a_circle_is_absent(void **state)
{
    struct self_containing s;
    struct viv_value v = make_self_containing(&s);

    s.object.value = &s.root;
    assert_int_equal(viv_value_kind(v), VIV_VALUE_ABSENT);
}

static void test_reference_past_the_table_is_absent(void **state)
{
    struct self_containing s;
    struct viv_value v = make_self_containing(&s);
    message alone = reference(0);

    s.root.ref = 1;
    assert_int_equal(viv_value_kind(v), VIV_VALUE_ABSENT);
    assert_int_equal(viv_value_kind(handle(&alone)), VIV_VALUE_ABSENT);
}

static void test_object_that_is_no_value(void **state)
{
    struct self_containing s;
    struct viv_value v = make_self_containing(&s);

    s.object.kind_case = VIVARIUM__V1__OBJECT__KIND_MODULE;
    s.object.module = (char *)"os";
    assert_int_equal(viv_value_kind(v), VIV_VALUE_OBJECT);
    assert_string_equal(viv_value_type(v), "module");
    assert_string_equal(viv_value_name(v), "os");
}

static void test_instance_is_called_after_its_class(void **state)
{
    struct self_containing s;
    struct viv_value v = make_self_containing(&s);
    Vivarium__V1__Instance instance = VIVARIUM__V1__INSTANCE__INIT;
    Vivarium__V1__Object class_object = VIVARIUM__V1__OBJECT__INIT;
    Vivarium__V1__Class class = VIVARIUM__V1__CLASS__INIT;
    Vivarium__V1__Object *objects[] = {&s.object, &class_object};
    message type = reference(1);

    s.object.kind_case = VIVARIUM__V1__OBJECT__KIND_INSTANCE;
    s.object.instance = &instance;
    class_object.kind_case = VIVARIUM__V1__OBJECT__KIND_CLASS;
    class_object.class_ = &class;
    class.qualified_name = (char *)"Outer.Point";
    s.graph.objects = objects;
    s.graph.n_objects = 2;
    assert_string_equal(viv_value_type(v), "object");
    instance.type = &type;
    assert_string_equal(viv_value_type(v), "Outer.Point");
    assert_string_equal(viv_value_name(v), "");
    s.root.ref = 1;
    assert_string_equal(viv_value_type(v), "type");
    assert_string_equal(viv_value_name(v), "Outer.Point");
}

static void test_opaque_says_type_and_reason(void **state)
{
    Vivarium__V1__Opaque opaque = VIVARIUM__V1__OPAQUE__INIT;
    message m = value(VIVARIUM__V1__VALUE__KIND_OPAQUE);

    opaque.type = (char *)"socket.socket";
    opaque.reason = (char *)"an open file";
    m.opaque = &opaque;
    assert_int_equal(viv_value_kind(handle(&m)), VIV_VALUE_OPAQUE);
    assert_string_equal(viv_value_type(handle(&m)), "socket.socket");
    assert_string_equal(viv_value_reason(handle(&m)), "an open file");
}

static void expect_json(const message *m, const char *wanted)
{
    json_t *json = viv_json_value(handle(m));
    char *got = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

    if (wanted)
        assert_string_equal(got, wanted);
    else
        assert_null(got);
    free(got);
    json_decref(json);
}

static void test_values_as_json(void **state)
{
    message m = integer(INT64_MAX);

    expect_json(&m, "9223372036854775807");
    m = text("a\"\\\n\x01\u00e9");
    expect_json(&m, "\"a\\\"\\\\\\n\\u0001\u00e9\"");
    m = value(VIVARIUM__V1__VALUE__KIND_FLOATING);
    m.floating = NAN;
    expect_json(&m, NULL);
    m = value(VIVARIUM__V1__VALUE__KIND_DATA);
    expect_json(&m, NULL);
    m = value(VIVARIUM__V1__VALUE__KIND_BIG_INTEGER);
    expect_json(&m, NULL);
}

static void expect_bytes(const char *data, size_t len, const char *wanted)
{
    json_t *object = json_object();
    char *got;

    assert_int_equal(viv_json_set_bytes(object, "x", data, len), 0);
    got = json_dumps(object, 0);
    assert_string_equal(got, wanted);
    free(got);
    json_decref(object);
}

static void test_bytes_as_json_are_text_or_base64(void **state)
{
    expect_bytes("", 0, "{\"x\": \"\"}");
    expect_bytes("a\0b", 3, "{\"x\": \"a\\u0000b\"}");
    expect_bytes("\xff", 1, "{\"x_base64\": \"/w==\"}");
    expect_bytes("\xff\xfe", 2, "{\"x_base64\": \"//4=\"}");
    expect_bytes("\xff\xfe\xfd", 3, "{\"x_base64\": \"//79\"}");
    expect_bytes("\xff"
                 "abc",
                 4, "{\"x_base64\": \"/2FiYw==\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_answers_neutrally),
        cmocka_unit_test(test_kind_that_is_not_known_is_absent),
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_constants),
        cmocka_unit_test(test_empty_bytes_are_not_null),
        cmocka_unit_test(test_text_is_also_bytes),
        cmocka_unit_test(test_list_gives_items_in_order),
        cmocka_unit_test(test_dict_is_found_by_key_and_tolerates_missing_parts),
        cmocka_unit_test(test_list_that_contains_itself_has_one_identity),
        cmocka_unit_test(test_list_that_contains_itself_is_no_json),
        cmocka_unit_test(test_reference_in_a_circle_is_absent),
        cmocka_unit_test(test_reference_past_the_table_is_absent),
        cmocka_unit_test(test_object_that_is_no_value),
        cmocka_unit_test(test_instance_is_called_after_its_class),
        cmocka_unit_test(test_opaque_says_type_and_reason),
        cmocka_unit_test(test_values_as_json),
        cmocka_unit_test(test_bytes_as_json_are_text_or_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

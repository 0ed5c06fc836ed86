#include "worker/vm/cpython/places.h"

#include <stdlib.h>
#include <string.h>

#define PLACES_MAX 16384u
#define TEXT_MAX 1024

/* ---- as they are seen ---- */

static bool make_room(struct viv_places *p)
{
    uint32_t room = p->room ? p->room * 2 : 64;
    struct viv_place_of_code *list;

    if (p->count < p->room)
        return true;
    list = p->count < PLACES_MAX ? realloc(p->list, room * sizeof(*list)) : NULL;
    if (!list)
        return false;
    p->list = list;
    p->room = room;
    return true;
}

/* Code objects made by hand may have any text: one that is no UTF-8 is written as
 * Python would escape it. */
static char *text_of(PyObject *str)
{
    Py_ssize_t len = 0;
    const char *utf8 = PyUnicode_AsUTF8AndSize(str, &len);
    PyObject *escaped = utf8 ? NULL : PyUnicode_AsEncodedString(str, "utf-8", "backslashreplace");
    char *text;

    if (escaped) {
        utf8 = PyBytes_AS_STRING(escaped);
        len = PyBytes_GET_SIZE(escaped);
    }
    PyErr_Clear();
    if (utf8 && len > TEXT_MAX)
        for (len = TEXT_MAX; len > 0 && ((unsigned char)utf8[len] & 0xc0) == 0x80;)
            len--;
    text = strndup(utf8 ? utf8 : "", (size_t)len);
    Py_XDECREF(escaped);
    return text;
}

/* The code object is held, so that its address stays its own. */
static uint32_t add(struct viv_places *p, PyCodeObject *code, int line)
{
    struct viv_place_of_code place = {.code = code, .line = line};

    if (!make_room(p))
        return VIV_PLACE_NONE;
    place.filename = text_of(code->co_filename);
    place.function = text_of(code->co_qualname);
    if (!place.filename || !place.function ||
        !viv_numbers_set(&p->by_line, (uint64_t)(uintptr_t)code, (uint64_t)line, p->count)) {
        free(place.filename);
        free(place.function);
        return VIV_PLACE_NONE;
    }
    Py_INCREF(code);
    p->list[p->count] = place;
    return p->count++;
}

uint32_t viv_places_at(struct viv_places *p, PyCodeObject *code, int instruction)
{
    uint64_t a = (uint64_t)(uintptr_t)code, b = (uint64_t)(unsigned)instruction;
    uint32_t place = viv_numbers_get(&p->by_instruction, a, b);
    int line;

    if (place != VIV_PLACE_NONE)
        return place;
    line = PyCode_Addr2Line(code, instruction * (int)sizeof(_Py_CODEUNIT));
    line = line > 0 ? line : 0;
    place = viv_numbers_get(&p->by_line, a, (uint64_t)line);
    if (place == VIV_PLACE_NONE)
        place = add(p, code, line);
    /* Without its entry it is only found more slowly. */
    if (place != VIV_PLACE_NONE)
        viv_numbers_set(&p->by_instruction, a, b, place);
    return place;
}

void viv_places_clear(struct viv_places *p)
{
    struct viv_places old = *p;

    *p = (struct viv_places){0};
    viv_numbers_free(&old.by_instruction);
    viv_numbers_free(&old.by_line);
    for (uint32_t i = 0; i < old.count; i++) {
        free(old.list[i].filename);
        free(old.list[i].function);
        Py_DECREF(old.list[i].code);
    }
    free(old.list);
}

/* ---- as messages ---- */

Vivarium__V1__Place **viv_places_messages(const struct viv_places *p)
{
    Vivarium__V1__Place **list = malloc(p->count * (sizeof(*list) + sizeof(**list)) + 1);
    Vivarium__V1__Place *place = list ? (Vivarium__V1__Place *)(list + p->count) : NULL;

    for (uint32_t i = 0; list && i < p->count; i++, place++) {
        vivarium__v1__place__init(place);
        place->filename = p->list[i].filename;
        place->line = (uint32_t)p->list[i].line;
        place->function = p->list[i].function;
        list[i] = place;
    }
    return list;
}

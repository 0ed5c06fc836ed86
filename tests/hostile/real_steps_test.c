/* Steps are exact: the same code has the same count on every run, in every
 * worker, whatever ran beside it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/hostile/limits.h"
#include "tests/unit/test.h"

#define RUNS 50
#define IN_FLIGHT 3

static struct viv_supervisor *sup;

static const char *const programs[] = {
    "pass",
    "x = 1\nfor i in range(1000): x = x * 3 % 1000003\nx",
    "def f(n): return n if n < 2 else f(n - 1) + f(n - 2)\nf(15)",
    "import json\njson.loads(json.dumps({'a': [1, 2, {'b': None}]}))",
    "import decimal, random, collections, heapq\ndecimal.Decimal('1.1') ** 3",
    "def g(n):\n    for i in range(n): yield i\nsum(g(500)), list(zip(g(5), g(6)))",
    "n = 0\nfor i in range(200):\n    try: int('x' if i % 3 else '1')\n"
    "    except ValueError: n += 1\n    finally: n += 2\nn",
    "class C:\n    def __init__(self, x): self.x = x\n    def __eq__(self, o): return self.x == "
    "o.x\n"
    "    def __hash__(self): return hash(self.x) % 7\nlen({C(i) for i in range(50)})",
    "d = {str(i): i for i in range(300)}\nsorted(d, key=lambda k: (-d[k], k))[:3]",
    "s = {'a%d' % i for i in range(100)}\nfor x in s: len(x)",
    "import re\nre.sub(r'(\\w+) (\\w+)', lambda m: m[2] + m[1], 'one two ' * 50)",
    "import contextlib\n@contextlib.contextmanager\ndef c():\n    try: yield 1\n    finally: pass\n"
    "for i in range(20):\n    with c() as x: pass",
    "import asyncio\nasync def a(n):\n    await asyncio.sleep(0)\n    return n\n"
    "async def main(): return sum(await asyncio.gather(*map(a, range(20))))\nasyncio.run(main())",
    "import dataclasses\n@dataclasses.dataclass\nclass P:\n    x: int\n    y: int = 2\nrepr(P(1))",
    "class D:\n    def __del__(self): self.n = [i for i in range(5)]\n"
    "for i in range(3000):\n    d = D(); d.me = d",
    "import time\nfor i in range(5): time.sleep(0.001)\nprint('x' * 100)",
    "def f():\n    raise KeyError('out')\nf()",
    "import sys\nsys.exit(3)",
    "x = open('/tmp/x', 'w')\nx.write('y' * 10000)\nx.close()\nlen(open('/tmp/x').read())",
};

#define PROGRAMS (sizeof(programs) / sizeof(programs[0]))

static int begin(void **state)
{
    struct viv_config config;

    limits_config(&config, 4);
    sup = harness_start(&config);
    return 0;
}

static int end(void **state)
{
    harness_stop(sup);
    return 0;
}

static struct run *start(const char *code)
{
    const struct viv_limits limits = {.steps = 1000000000};

    return harness_submit(sup, NULL, code, &limits);
}

static uint64_t finish(struct run *r, const char *code)
{
    uint64_t steps;

    harness_wait(r);
    if (r->outcome != VIV_OUTCOME_COMPLETED && r->outcome != VIV_OUTCOME_RAISED)
        fail_msg("%s: %s %s", code, viv_outcome_name(r->outcome), r->death.text);
    steps = r->usage.steps;
    harness_free(r);
    return steps;
}

static unsigned differing(const char *code)
{
    struct run *runs[IN_FLIGHT];
    uint64_t first = 0;
    unsigned wrong = 0;

    for (unsigned i = 0; i < RUNS + IN_FLIGHT; i++) {
        if (i >= IN_FLIGHT) {
            uint64_t steps = finish(runs[i % IN_FLIGHT], code);

            first = i == IN_FLIGHT ? steps : first;
            if (steps != first && wrong++ == 0)
                fprintf(stderr, "%" PRIu64 ", then %" PRIu64 ": %s\n", first, steps, code);
        }
        if (i < RUNS)
            runs[i % IN_FLIGHT] = start(code);
    }
    assert_true(first > 0);
    return wrong;
}

static void the_count_is_the_same_on_every_run(void **state)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < PROGRAMS; i++)
        wrong += differing(programs[i]);
    assert_int_equal(wrong, 0);
}

/* The limit is met at the same place, too: the side effects of exactly so many steps. */
static void the_limit_is_met_at_the_same_place(void **state)
{
    static const char code[] = "import os\n"
                               "n = 0\n"
                               "try:\n"
                               "    while True: n += 1\n"
                               "finally:\n"
                               "    os.write(1, b'x' * n)\n";
    const struct viv_limits limits = {.steps = 5000};
    size_t first = 0;

    for (int i = 0; i < 10; i++) {
        struct run *r = harness_submit(sup, NULL, code, &limits);

        harness_wait(r);
        assert_int_equal(r->outcome, VIV_OUTCOME_STEPS_EXCEEDED);
        first = i == 0 ? r->stdout_len : first;
        assert_true(first > 100);
        assert_int_equal(r->stdout_len, first);
        harness_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_count_is_the_same_on_every_run),
        cmocka_unit_test(the_limit_is_met_at_the_same_place),
    };

    return cmocka_run_group_tests(tests, begin, end);
}

"""PEP 419's names, as user code sees them."""
import asyncio
import contextlib
import functools
import inspect
import os
import signal
import sys
import threading
import time
import unittest


def depth():
    return sys._getframe(1).f_in_cleanup


class Count(unittest.TestCase):
    def test_nested(self):
        seen = [depth()]
        try:
            seen.append(depth())
        finally:
            seen.append(depth())
            try:
                seen.append(depth())
            finally:
                seen.append(depth())
            seen.append(depth())
        self.assertEqual(seen + [depth()], [0, 0, 1, 1, 2, 1, 0])

    def test_ways_out(self):
        seen = []

        def run(how):
            for _ in range(1):
                try:
                    if how == "return":
                        return
                    if how == "break":
                        break
                    if how == "continue":
                        continue
                    if how == "raise":
                        raise KeyError
                except ValueError:
                    pass
                finally:
                    seen.append(depth())
        for how in ("end", "return", "break", "continue"):
            run(how)
        self.assertRaises(KeyError, run, "raise")
        self.assertEqual(seen, [1] * 5)

    def test_with(self):
        seen = []

        class Manager:
            def __enter__(self):
                seen.append(sys._getframe(1).f_in_cleanup)

            def __exit__(self, *exc):
                seen.append(sys._getframe(1).f_in_cleanup)
                return True
        with Manager():
            seen.append(depth())
        with Manager():
            raise KeyError
        self.assertEqual(seen, [1, 0, 1, 1, 1])

    def test_a_frame_that_has_ended(self):
        def run():
            try:
                pass
            finally:
                return sys._getframe()
        self.assertEqual(run().f_in_cleanup, 0)

    def test_read_only(self):
        with self.assertRaises(AttributeError):
            sys._getframe().f_in_cleanup = 1

    def test_code_without_source(self):
        scope = {"depth": depth}
        exec("try: a = depth()\nfinally:\n b = depth()", scope)
        self.assertEqual((scope["a"], scope["b"]), (0, 1))


class Inspect(unittest.TestCase):
    def test_generator(self):
        def gen():
            yield "before"
            try:
                yield "in"
            finally:
                yield "cleanup"
            yield "after"
        g, seen = gen(), []
        for name in g:
            seen.append((name, bool(inspect.isframeincleanup(g))))
        self.assertEqual(seen, [("before", False), ("in", False),
                                ("cleanup", True), ("after", False)])
        self.assertFalse(inspect.isframeincleanup(g))
        self.assertFalse(inspect.isframeincleanup(gen()))

    def test_coroutine(self):
        class Wait:
            def __await__(self):
                yield

        class Manager:
            async def __aenter__(self):
                await Wait()

            async def __aexit__(self, *exc):
                await Wait()

        async def run():
            async with Manager():
                await Wait()
            try:
                await Wait()
            finally:
                await Wait()
        c, seen = run(), []
        with contextlib.suppress(StopIteration):
            while True:
                c.send(None)
                seen.append(inspect.isframeincleanup(c))
        self.assertEqual(seen, [1, 0, 1, 0, 1])

    def test_async_generator(self):
        async def gen():
            try:
                yield 1
            finally:
                yield 2

        async def run():
            g = gen()
            await g.asend(None)
            first = inspect.isframeincleanup(g)
            await g.asend(None)
            return first, inspect.isframeincleanup(g)
        self.assertEqual(asyncio.run(run()), (0, 1))

    def test_type_errors(self):
        self.assertRaises(TypeError, inspect.isframeincleanup, 1)
        self.assertRaises(TypeError, inspect.getcleanupframe, None)

    def test_getcleanupframe(self):
        def inner():
            return inspect.getcleanupframe(sys._getframe())

        def outer():
            try:
                pass
            finally:
                return inner(), sys._getframe()
        found, frame = outer()
        self.assertIs(found, frame)
        self.assertIsNone(inner())


class Hook(unittest.TestCase):
    def tearDown(self):
        sys.setcleanuphook(None)

    def test_returns_the_previous_one(self):
        self.assertIsNone(sys.setcleanuphook(print))
        self.assertIs(sys.setcleanuphook(len), print)
        self.assertIs(sys.setcleanuphook(None), len)
        self.assertIsNone(sys.setcleanuphook(None))
        self.assertRaises(TypeError, sys.setcleanuphook, 1)

    def test_each_decrement(self):
        seen = []

        def note(frame):
            seen.append((frame.f_code.co_name, frame.f_in_cleanup))

        def run():
            try:
                pass
            finally:
                try:
                    pass
                finally:
                    len("")
                len("")
            len("")
        sys.setcleanuphook(note)
        run()
        sys.setcleanuphook(None)
        self.assertEqual(seen, [("run", 1), ("run", 0)])

    def test_left_by_returning_and_raising(self):
        seen = []

        def by_end():
            try:
                pass
            finally:
                len("")

        def by_return():
            try:
                pass
            finally:
                return len("")

        def by_raise():
            try:
                raise KeyError
            finally:
                len("")
        sys.setcleanuphook(lambda frame: seen.append(
            (frame.f_code.co_name, frame.f_in_cleanup)))
        by_end()
        by_return()
        try:
            by_raise()
        except KeyError:
            pass
        sys.setcleanuphook(None)
        self.assertEqual(seen, [("by_end", 0), ("by_return", 0),
                                ("by_raise", 0)])

    def test_set_inside_cleanup(self):
        seen = []

        def outer():
            try:
                pass
            finally:
                inner()
            seen.append("after")

        def inner():
            sys.setcleanuphook(lambda frame: seen.append(frame.f_code.co_name))
        outer()
        sys.setcleanuphook(None)
        self.assertEqual(seen, ["outer", "after"])

    def test_generator_suspended_in_cleanup(self):
        seen = []

        def gen():
            try:
                yield 1
            finally:
                yield 2
                len("")
            yield 3
        sys.setcleanuphook(lambda frame: seen.append(frame.f_code.co_name))
        g = gen()
        self.assertEqual([next(g), next(g), list(seen)], [1, 2, []])
        self.assertEqual(next(g), 3)
        sys.setcleanuphook(None)
        self.assertEqual([n for n in seen if n == "gen"], ["gen"])

    def test_thread_local(self):
        seen = []

        def work():
            try:
                pass
            finally:
                len("")
            seen.append(sys.setcleanuphook(None))
        sys.setcleanuphook(seen.append)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(10)
        hook = sys.setcleanuphook(None)
        self.assertEqual(hook, seen.append)
        self.assertIn(None, seen)
        self.assertFalse([f for f in seen if f and f.f_code is work.__code__])

    def test_raises_once(self):
        def hook(frame):
            raise KeyError("hook")

        def run():
            try:
                try:
                    pass
                finally:
                    len("")
                len("not reached")
            finally:
                len("")
        sys.setcleanuphook(hook)
        self.assertRaises(KeyError, run)
        self.assertIsNone(sys.setcleanuphook(None))

    def test_costs_only_while_set(self):
        self.assertIsNone(sys.gettrace())
        sys.setcleanuphook(len)
        sys.setcleanuphook(None)
        self.assertIsNone(sys.gettrace())

    def test_tracer_of_the_user_comes_back(self):
        def tracer(*args):
            return tracer
        sys.settrace(tracer)
        sys.setcleanuphook(id)
        sys.setcleanuphook(None)
        try:
            self.assertIs(sys.gettrace(), tracer)
        finally:
            sys.settrace(None)


# The PEP's example, word for word.
def sigint_handler(sig, frame):
    if inspect.getcleanupframe(frame) is None:
        raise KeyboardInterrupt()
    sys.setcleanuphook(functools.partial(sigint_handler, 0))


class Example(unittest.TestCase):
    def setUp(self):
        self.old = signal.signal(signal.SIGINT, sigint_handler)

    def tearDown(self):
        signal.signal(signal.SIGINT, self.old)
        sys.setcleanuphook(None)

    def test_outside_cleanup(self):
        with self.assertRaises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    def test_in_finally(self):
        done = []

        def run():
            try:
                pass
            finally:
                os.kill(os.getpid(), signal.SIGINT)
                done.append("first")
                done.append("second")
            done.append("not reached")
        self.assertRaises(KeyboardInterrupt, run)
        self.assertEqual(done, ["first", "second"])

    def test_in_nested_calls(self):
        done = []

        def ring():
            try:
                os.kill(os.getpid(), signal.SIGINT)
            finally:
                done.append("inner")

        class Manager:
            def __enter__(self):
                ring()
                done.append("entered")

            def __exit__(self, *exc):
                done.append("left")

        def run():
            with Manager():
                done.append("not reached")
        self.assertRaises(KeyboardInterrupt, run)
        self.assertEqual(done, ["inner", "entered", "left"])


if __name__ == "__main__":
    unittest.main(argv=["pep419_test"])

/* Read before every file that clang-tidy looks at, and by no compiler. The
 * analyzer sees one file at a time: without this it would follow paths on which
 * viv_fail() returned 0 and outputs were never set. */
#include "proto/error.h"

#define viv_fail(...) (viv_fail(__VA_ARGS__), -1)
#define viv_fail_errno(...) (viv_fail_errno(__VA_ARGS__), -1)

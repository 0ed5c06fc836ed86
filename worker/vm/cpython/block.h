/* Copies blocks of memory into places that were never written. */
#ifndef VIVARIUM_VM_CPYTHON_BLOCK_H
#define VIVARIUM_VM_CPYTHON_BLOCK_H

#include <stddef.h>

/* memcpy(); pages are taken one by one as they are written, for a large block
 * by the largest that there are. */
void viv_block_copy(void *to, const void *from, size_t len);

#endif

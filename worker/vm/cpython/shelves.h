/* Where the objects that clones share lie: side by side, in large pages where the
 * kernel has them, so that a clone has few to take over and to give back. */
#ifndef VIVARIUM_VM_CPYTHON_SHELVES_H
#define VIVARIUM_VM_CPYTHON_SHELVES_H

/* Before the interpreter is initialised. */
void viv_shelves_open(void);

/* Before the first clone. What is allocated from here on lies elsewhere. */
void viv_shelves_close(void);

#endif

/* What viv doctor says of the machine as a whole. */
#ifndef VIVARIUM_CLIENT_VIV_MACHINE_H
#define VIVARIUM_CLIENT_VIV_MACHINE_H

/* "v1", "v2", "v1 and v2", "none"; static. */
const char *viv_machine_cgroups(void);

/* Which kind of container this seems to be; "" where there is no sign of one;
 * static. Nothing depends on it: it is for the reader. */
const char *viv_machine_container(void);

/* The folder of this program, to be freed; NULL where it can't be told. */
char *viv_machine_folder(void);

#endif

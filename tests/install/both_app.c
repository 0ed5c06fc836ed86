/* Both libraries in one program: no name of one meets one of the other's, nor one of
 * the user's. */
#include <stdio.h>
#include <vivarium/vivarium.h>
#include <vivarium/vivarium_client.h>

int viv_fail(void);
int arena_new(void);

int viv_fail(void)
{
    return 1;
}

int arena_new(void)
{
    return 2;
}

int main(void)
{
    printf("%s %s %d\n", viv_outcome_name(VIV_OUTCOME_RAISED),
           viv_client_outcome_name(VIV_CLIENT_RAISED), viv_fail() + arena_new());
    return 0;
}

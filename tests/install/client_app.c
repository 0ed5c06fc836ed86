/* A program of somebody else's, on the installed client library. */
#include <stdio.h>
#include <string.h>

#include <vivarium/vivarium_client.h>

int main(void)
{
    struct viv_client_request request = {.code = "import math\nmath.factorial(20)"};
    struct viv_client_response *response;
    struct viv_client *client;
    struct viv_error err;

    if (viv_client_open(NULL, NULL, &client, &err) < 0 ||
        viv_client_execute(client, &request, &response, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%s %s\n", viv_client_outcome_name(response->outcome), response->result_repr);
    viv_client_response_free(response);
    viv_client_close(client);
    return 0;
}

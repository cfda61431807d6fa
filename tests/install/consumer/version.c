#include <shoal/shoal.h>
#include <stdio.h>

int main(void) {
    printf("Shoal %s\n", shoal_version());
    return shoal_abi() == SHOAL_ABI ? 0 : 1;
}

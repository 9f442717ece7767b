/* Value and gradient of  x1*x2 + sin(x1)  for n rows in memory, differentiated by hand.
 *
 * To be compiled with -O3 -ffast-math, so that sine and cosine come from libmvec, several at a time. They stand in loops of their own
 * over a block that stays in the cache: in one loop the compiler would join them to one call of sincos, which has no vector version.
 */
#include <math.h>

enum { BLOCK = 1024 };

void rows_gradient(const double *restrict x1, const double *restrict x2, long n, double *restrict value, double *restrict by_x1,
                   double *restrict by_x2)
{
    for (long from = 0; from < n; from += BLOCK) {
        long to = from + BLOCK < n ? from + BLOCK : n;
        for (long i = from; i < to; i++)
            value[i] = x1[i] * x2[i] + sin(x1[i]);
        for (long i = from; i < to; i++) {
            by_x1[i] = x2[i] + cos(x1[i]);
            by_x2[i] = x1[i];
        }
    }
}

void rows_joined(const double *restrict x1, const double *restrict x2, long n, double *restrict value, double *restrict by_x1,
                 double *restrict by_x2)
{
    for (long i = 0; i < n; i++) {
        value[i] = x1[i] * x2[i] + sin(x1[i]);
        by_x1[i] = x2[i] + cos(x1[i]);
        by_x2[i] = x1[i];
    }
}

/* Value and gradient by x and r of n steps of  x = r*x*(1-x) + 0.01*sin(x),  differentiated by hand.
 *
 * Reverse mode as one would write it: the forward loop keeps every x, the backward loop multiplies the adjoint by
 * dx'/dx = r*(1 - 2x) + 0.01*cos(x) and gathers that of r, dx'/dr = x*(1 - x). `tape` has room for n numbers.
 */
#include <math.h>

void loop_value(double x, double r, long n, double *out)
{
    for (long i = 0; i < n; i++)
        x = r * x * (1 - x) + 0.01 * sin(x);
    out[0] = x;
}

void loop_gradient(double x, double r, long n, double *restrict tape, double *restrict out)
{
    for (long i = 0; i < n; i++) {
        tape[i] = x;
        x = r * x * (1 - x) + 0.01 * sin(x);
    }
    double x_bar = 1, r_bar = 0;
    for (long i = n - 1; i >= 0; i--) {
        double at = tape[i];
        r_bar += x_bar * (at * (1 - at));
        x_bar *= r * (1 - 2 * at) + 0.01 * cos(at);
    }
    out[0] = x;
    out[1] = x_bar;
    out[2] = r_bar;
}

# x1*x2 + sin(x1) and its gradient, derived by hand, from CSV to CSV: awk -f rows.awk IN > OUT
BEGIN { FS = ","; OFS = ","; OFMT = CONVFMT = "%.17g" }
NR == 1 { print $0, "value", "d_x1", "d_x2"; next }
{ print $0, $1 * $2 + sin($1), $2 + cos($1), $1 + 0 }

"""Functions that native code calls and that no library has: Python's division of reals and integers, powers of integers, and a few of the
table's functions whose text would be long. Each is the counterpart of a function of `adcli.ops.total` or `special_functions`, step by step.
"""
from __future__ import annotations

import platform
import re

from adcli.engines.native.code import real

# Numbers in braces are written as the bits of the double they stand for.
_TEXT = """
define internal double @adcli.mod(double %x, double %y) #1 {
  %zero = fcmp oeq double %y, 0.0
  %r = call double @fmod(double %x, double %y)
  %some = fcmp une double %r, 0.0
  %rneg = fcmp olt double %r, 0.0
  %yneg = fcmp olt double %y, 0.0
  %apart = xor i1 %rneg, %yneg
  %moved = fadd double %r, %y
  %adjusted = select i1 %apart, double %moved, double %r
  %signed = call double @llvm.copysign.f64(double 0.0, double %y)
  %out = select i1 %some, double %adjusted, double %signed
  %end = select i1 %zero, double {nan}, double %out
  ret double %end
}
define internal double @adcli.floordiv(double %x, double %y) #1 {
  %zero = fcmp oeq double %y, 0.0
  %r = call double @fmod(double %x, double %y)
  %rest = fsub double %x, %r
  %q = fdiv double %rest, %y
  %some = fcmp une double %r, 0.0
  %rneg = fcmp olt double %r, 0.0
  %yneg = fcmp olt double %y, 0.0
  %apart = xor i1 %rneg, %yneg
  %lower = and i1 %some, %apart
  %less = fsub double %q, 1.0
  %q2 = select i1 %lower, double %less, double %q
  %floor = call double @llvm.floor.f64(double %q2)
  %gap = fsub double %q2, %floor
  %over = fcmp ogt double %gap, 0.5
  %up = fadd double %floor, 1.0
  %whole = select i1 %over, double %up, double %floor
  %quotient = fdiv double %x, %y
  %signed = call double @llvm.copysign.f64(double 0.0, double %quotient)
  %none = fcmp oeq double %q2, 0.0
  %out = select i1 %none, double %signed, double %whole
  %end = select i1 %zero, double %quotient, double %out
  ret double %end
}
define internal i64 @adcli.int_floordiv(i64 %x, i64 %y) #1 {
  %zero = icmp eq i64 %y, 0
  %minus = icmp eq i64 %y, -1
  %odd = or i1 %zero, %minus
  %safe = select i1 %odd, i64 1, i64 %y
  %q = sdiv i64 %x, %safe
  %r = srem i64 %x, %safe
  %some = icmp ne i64 %r, 0
  %signs = xor i64 %r, %safe
  %apart = icmp slt i64 %signs, 0
  %lower = and i1 %some, %apart
  %down = sext i1 %lower to i64
  %floor = add i64 %q, %down
  %negated = sub i64 0, %x
  %out = select i1 %minus, i64 %negated, i64 %floor
  %end = select i1 %zero, i64 0, i64 %out
  ret i64 %end
}
define internal i64 @adcli.int_mod(i64 %x, i64 %y) #1 {
  %zero = icmp eq i64 %y, 0
  %minus = icmp eq i64 %y, -1
  %odd = or i1 %zero, %minus
  %safe = select i1 %odd, i64 1, i64 %y
  %r = srem i64 %x, %safe
  %some = icmp ne i64 %r, 0
  %signs = xor i64 %r, %safe
  %apart = icmp slt i64 %signs, 0
  %lower = and i1 %some, %apart
  %moved = add i64 %r, %safe
  %out = select i1 %lower, i64 %moved, i64 %r
  ret i64 %out
}
define internal {i64, i1} @adcli.int_pow_exact(i64 %x, i64 %y) #2 {
entry:
  %some = icmp sgt i64 %y, 0
  br i1 %some, label %step, label %end
step:
  %n = phi i64 [ %y, %entry ], [ %rest, %step ]
  %base = phi i64 [ %x, %entry ], [ %square, %step ]
  %out = phi i64 [ 1, %entry ], [ %next, %step ]
  %lost = phi i1 [ false, %entry ], [ %lost2, %step ]
  %over = phi i1 [ false, %entry ], [ %over2, %step ]
  %bit = and i64 %n, 1
  %odd = icmp eq i64 %bit, 1
  %factor = select i1 %odd, i64 %base, i64 1
  %p = call {i64, i1} @llvm.smul.with.overflow.i64(i64 %out, i64 %factor)
  %next = extractvalue {i64, i1} %p, 0
  %po = extractvalue {i64, i1} %p, 1
  %used = and i1 %odd, %lost
  %bad = or i1 %used, %po
  %over2 = or i1 %over, %bad
  %s = call {i64, i1} @llvm.smul.with.overflow.i64(i64 %base, i64 %base)
  %square = extractvalue {i64, i1} %s, 0
  %so = extractvalue {i64, i1} %s, 1
  %lost2 = or i1 %lost, %so
  %rest = lshr i64 %n, 1
  %more = icmp ne i64 %rest, 0
  br i1 %more, label %step, label %end
end:
  %v = phi i64 [ 1, %entry ], [ %next, %step ]
  %o = phi i1 [ false, %entry ], [ %over2, %step ]
  %r0 = insertvalue {i64, i1} poison, i64 %v, 0
  %r1 = insertvalue {i64, i1} %r0, i1 %o, 1
  ret {i64, i1} %r1
}
define internal i64 @adcli.int_pow(i64 %x, i64 %y) #2 {
  %p = call {i64, i1} @adcli.int_pow_exact(i64 %x, i64 %y)
  %v = extractvalue {i64, i1} %p, 0
  ret i64 %v
}
define internal double @adcli.cbrt(double %x) #1 {
  %size = call double @llvm.fabs.f64(double %x)
  %large = fcmp oge double %size, {1e300}
  %small = fcmp ole double %size, {1e-280}
  %down = select i1 %large, double {8.673617379884035e-19}, double 1.0
  %scale = select i1 %small, double {1.532495540865889e+54}, double %down
  %up = select i1 %large, double 1048576.0, double 1.0
  %back = select i1 %small, double {8.673617379884035e-19}, double %up
  %z = fmul double %x, %scale
  %y = call double @cbrt(double %z)
  %y2 = fmul double %y, %y
  %y3 = fmul double %y2, %y
  %off = fsub double %y3, %z
  %d0 = fmul double 3.0, %y
  %d = fmul double %d0, %y
  %step = fdiv double %off, %d
  %better = fsub double %y, %step
  %scaled = fmul double %better, %back
  %gone = fsub double %x, %x
  %finite = fcmp oeq double %gone, 0.0
  %some = fcmp une double %x, 0.0
  %refine = and i1 %finite, %some
  %out = select i1 %refine, double %scaled, double %y
  ret double %out
}
define internal double @adcli.gauss(double %x) #1 {
  %size = call double @llvm.fabs.f64(double %x)
  %far = fcmp oge double %size, 28.0
  %s = fmul double %x, %x
  %n = fneg double %s
  %e = call double @llvm.fma.f64(double %x, double %x, double %n)
  %p = call double @exp(double %n)
  %c = fsub double 1.0, %e
  %v = fmul double %p, %c
  %out = select i1 %far, double 0.0, double %v
  ret double %out
}
define internal double @adcli.normpdf(double %x) #1 {
  %size = call double @llvm.fabs.f64(double %x)
  %far = fcmp oge double %size, 40.0
  %s = fmul double %x, %x
  %n = fneg double %s
  %e = call double @llvm.fma.f64(double %x, double %x, double %n)
  %h = fmul double -0.5, %s
  %p = call double @exp(double %h)
  %q = fmul double {0.3989422804014327}, %p
  %he = fmul double 0.5, %e
  %c = fsub double 1.0, %he
  %v = fmul double %q, %c
  %out = select i1 %far, double 0.0, double %v
  ret double %out
}
define internal double @adcli.normcdf(double %x) #1 {
  %size = call double @llvm.fabs.f64(double %x)
  %far = fcmp oge double %size, 40.0
  %m = fneg double %x
  %z = fmul double %m, {0.7071067811865476}
  %nz = fneg double %z
  %e0 = call double @llvm.fma.f64(double %m, double {0.7071067811865476}, double %nz)
  %l = fmul double %x, {-4.833646656726457e-17}
  %e = fsub double %e0, %l
  %nz2 = fmul double %nz, %z
  %g = call double @exp(double %nz2)
  %t0 = fmul double {1.1283791670955126}, %g
  %t = fmul double %t0, %e
  %c = call double @erfc(double %z)
  %d = fsub double %c, %t
  %v = fmul double 0.5, %d
  %neg = fcmp olt double %x, 0.0
  %edge = select i1 %neg, double 0.0, double 1.0
  %out = select i1 %far, double %edge, double %v
  ret double %out
}
define internal double @adcli.pow_x(double %x, double %y) #1 {
  %two = fcmp oeq double %y, 2.0
  %twice = fadd double %x, %x
  %z = fsub double %y, 1.0
  %p = call double @pow(double %x, double %z)
  %back = fadd double %z, 1.0
  %b1 = fsub double %y, %back
  %b2 = fsub double %back, %z
  %b3 = fsub double 1.0, %b2
  %error = fsub double %b1, %b3
  %off = fcmp une double %error, 0.0
  %above = fcmp ogt double %x, 0.0
  %some = fcmp ogt double %p, 0.0
  %finite = fcmp olt double %p, {inf}
  %a1 = and i1 %off, %above
  %a2 = and i1 %some, %finite
  %mend = and i1 %a1, %a2
  %log = call double @log(double %x)
  %c0 = fmul double %error, %log
  %c1 = fadd double 1.0, %c0
  %c2 = fmul double %p, %c1
  %power = select i1 %mend, double %c2, double %p
  %v = fmul double %y, %power
  %zero = fcmp oeq double %x, 0.0
  %neg = fcmp olt double %y, 0.0
  %z1 = select i1 %neg, double {-inf}, double {nan}
  %pos = fcmp ogt double %y, 0.0
  %z2 = select i1 %pos, double {inf}, double %z1
  %none = fcmp oeq double %y, 0.0
  %z3 = select i1 %none, double 0.0, double %z2
  %one = fcmp oeq double %y, 1.0
  %z4 = select i1 %one, double 1.0, double %z3
  %more = fcmp ogt double %y, 1.0
  %z5 = select i1 %more, double 0.0, double %z4
  %at = select i1 %zero, double %z5, double %v
  %out = select i1 %two, double %twice, double %at
  ret double %out
}
"""

TEXT = re.sub(r"\{([^{}, ]+)\}", lambda m: real(float(m[1])), _TEXT)
# The processor's flags for division by zero, invalid operations and overflow: cleared before a run, read after it.
_X86 = """
define internal void @adcli.clear() #3 {
  %p = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  %word = load i32, ptr %p
  %cleared = and i32 %word, -64
  store i32 %cleared, ptr %p
  call void @llvm.x86.sse.ldmxcsr(ptr %p)
  ret void
}
define internal i64 @adcli.raised() #3 {
  %p = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %p)
  %word = load i32, ptr %p
  %bits = and i32 %word, 13
  %out = zext i32 %bits to i64
  ret i64 %out
}
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
"""
# FE_INVALID, FE_DIVBYZERO and FE_OVERFLOW of the C library; 7 on ARM.
_OTHER = """
define internal void @adcli.clear() #3 {
  call i32 @feclearexcept(i32 7)
  ret void
}
define internal i64 @adcli.raised() #3 {
  %bits = call i32 @fetestexcept(i32 7)
  %out = zext i32 %bits to i64
  ret i64 %out
}
declare i32 @feclearexcept(i32)
declare i32 @fetestexcept(i32)
"""
# Note an operation that made inf or nan of arguments that explain neither (see `engines.flags.birth`), the first time that it does.
NOTE = """
define internal void @adcli.note(ptr %note, ptr %clock, double %out, double %a, double %b, double %c) #3 {
entry:
  %when = load i64, ptr %note
  %first = icmp eq i64 %when, 0
  br i1 %first, label %look, label %end
look:
  %isnan = fcmp uno double %out, %out
  %ab = fcmp uno double %a, %b
  %cc = fcmp uno double %c, %c
  %anynan = or i1 %ab, %cc
  %nonan = xor i1 %anynan, true
  %nan = and i1 %isnan, %nonan
  %d1 = fsub double %a, %a
  %d2 = fsub double %b, %b
  %d3 = fsub double %c, %c
  %d4 = fadd double %d1, %d2
  %d = fadd double %d4, %d3
  %finite = fcmp ord double %d, %d
  %born = or i1 %nan, %finite
  br i1 %born, label %put, label %end
put:
  %now = load i64, ptr %clock
  %next = add i64 %now, 1
  store i64 %next, ptr %clock
  store i64 %next, ptr %note
  %p1 = getelementptr i64, ptr %note, i64 1
  store double %out, ptr %p1
  %p2 = getelementptr i64, ptr %note, i64 2
  store double %a, ptr %p2
  %p3 = getelementptr i64, ptr %note, i64 3
  store double %b, ptr %p3
  %p4 = getelementptr i64, ptr %note, i64 4
  store double %c, ptr %p4
  br label %end
end:
  ret void
}
"""
EXCEPTIONS = _X86 if platform.machine() in ("x86_64", "AMD64") else _OTHER
PURE = "nounwind willreturn memory(none)"
DECLARED = {
    **{name: f"declare double @{name}(double) {PURE}" for name in ("exp", "log", "erfc", "cbrt")},
    **{name: f"declare double @{name}(double, double) {PURE}" for name in ("pow", "fmod")},
    **{f"llvm.{name}.f64": f"declare double @llvm.{name}.f64(double)" for name in ("fabs", "floor")},
    "llvm.copysign.f64": "declare double @llvm.copysign.f64(double, double)",
    "llvm.fma.f64": "declare double @llvm.fma.f64(double, double, double)",
    "llvm.smul.with.overflow.i64": "declare {i64, i1} @llvm.smul.with.overflow.i64(i64, i64)",
}

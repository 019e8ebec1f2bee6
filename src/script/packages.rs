//! The language that scripts are written in: Rhai's standard library without clock and waiting.

use rhai::def_package;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage,
    BasicStringPackage, BitFieldPackage, LanguageCorePackage, LogicPackage, MoreStringPackage,
};
use rhai::plugin::*;

use super::{comparing, growing};

def_package! {
    /// Everything but the time package (a run has one instant) and the blobs.
    pub Language(lib):
        LanguageCorePackage,
        ArithmeticPackage,
        LogicPackage,
        BasicStringPackage,
        MoreStringPackage,
        BasicIteratorPackage,
        BasicFnPackage,
        BasicMathPackage,
        BasicArrayPackage,
        BasicMapPackage,
        BitFieldPackage
    {
        combine_with_exported_module!(lib, "comparing", comparing::api);
        combine_with_exported_module!(lib, "growing", growing::api);
    }
}

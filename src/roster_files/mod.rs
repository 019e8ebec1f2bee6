//! Reading roster files: CSV and JSON in the forms that administrators have.
//! Everything from outside is hostile; what comes out is checked values or a rejected row with its line.

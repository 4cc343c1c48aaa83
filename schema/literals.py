"""Literals of the wrong type, as a rule of validation that repeats no value."""

from graphql import (
    SKIP,
    ArgumentNode,
    GraphQLError,
    GraphQLInputType,
    ValueNode,
    ValuesOfCorrectTypeRule,
    VariableDefinitionNode,
    VisitorAction,
)

from schema.coercion import Problem, literal_problems


class LiteralsRule(ValuesOfCorrectTypeRule):
    """The rule about literals, with errors of ours: a `LiteralError` each."""

    _name = ""

    def enter_argument(self, node: ArgumentNode, *_args: object) -> None:
        """Keep the name of the argument, with which paths begin."""
        self._name = node.name.value

    def enter_variable_definition(
        self, node: VariableDefinitionNode, *_args: object
    ) -> None:
        """Keep the name of the variable, whose default is a literal too."""
        self._name = node.variable.name.value

    def is_valid_value_node(
        self, node: ValueNode, input_type: GraphQLInputType | None
    ) -> VisitorAction:
        """Report all problems of a whole literal as one error."""
        if input_type is not None:
            problems = literal_problems(node, input_type, self._name)
            if problems:
                self.report_error(LiteralError(problems, node))
        return SKIP  # its parts are walked already


class LiteralError(GraphQLError):
    """A literal with values of the wrong type."""

    def __init__(self, problems: list[Problem], node: ValueNode) -> None:
        """Keep the problems."""
        super().__init__("This literal has wrong values.", node)
        self.problems = problems
